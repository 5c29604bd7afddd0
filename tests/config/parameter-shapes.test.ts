import { describe, expect, it } from 'vitest';
import { fromHuggingFaceConfig } from '../../src/config/huggingface.ts';
import { bufferShapes, type NamedShape, parameterShapes } from '../../src/config/parameter-shapes.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { loadGolden } from '../goldens/load.ts';

// Distinct primes, so that a transposed or misplaced axis cannot pass; rope is even by nature.
const config = {
  ...modelPreset('tiny'),
  vocabSize: 101,
  hiddenSize: 19,
  intermediateSize: 23,
  moeIntermediateSize: 7,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  qLoraRank: 13,
  kvLoraRank: 11,
  qkNopeHeadDim: 5,
  qkRopeHeadDim: 2,
  vHeadDim: 17,
  nRoutedExperts: 29,
  nSharedExperts: 2,
  nGroup: 1,
  topkGroup: 1,
};

function table(shapes: readonly NamedShape[]): string[] {
  return shapes.map(({ name, shape }) => `${name} ${shape.join('x')}`);
}

/** Tensors of a checkpoint file as the stacked ones in memory, sorted. */
function stacked(weights: ReadonlyMap<string, { shape: readonly number[] }>): string[] {
  const experts = new Map<string, number>();
  const plain: string[] = [];
  for (const [name, { shape }] of weights) {
    const match = /^(.*\.mlp\.experts)\.\d+\.(gate|up|down)_proj\.weight$/.exec(name);
    if (match === null) plain.push(`${name} ${shape.join('x')}`);
    else if (match[2] !== 'up') {
      const [rows, columns] = shape;
      const kind =
        match[2] === 'gate' ? `gate_up_proj Ex${Number(rows) * 2}x${columns}` : `down_proj Ex${rows}x${columns}`;
      experts.set(`${match[1]}.${kind}`, (experts.get(`${match[1]}.${kind}`) ?? 0) + 1);
    }
  }
  return [...plain, ...[...experts].map(([entry, count]) => entry.replace(' Ex', ` ${count}x`))].sort();
}

describe('parameterShapes', () => {
  it('lists every tensor of a small model under its Hugging Face name (contract)', () => {
    expect(table(parameterShapes(config))).toEqual([
      'model.embed_tokens.weight 101x19',
      'model.layers.0.input_layernorm.weight 19',
      'model.layers.0.self_attn.q_a_proj.weight 13x19',
      'model.layers.0.self_attn.q_a_layernorm.weight 13',
      'model.layers.0.self_attn.q_b_proj.weight 21x13',
      'model.layers.0.self_attn.kv_a_proj_with_mqa.weight 13x19',
      'model.layers.0.self_attn.kv_a_layernorm.weight 11',
      'model.layers.0.self_attn.kv_b_proj.weight 66x11',
      'model.layers.0.self_attn.o_proj.weight 19x51',
      'model.layers.0.post_attention_layernorm.weight 19',
      'model.layers.0.mlp.gate_proj.weight 23x19',
      'model.layers.0.mlp.up_proj.weight 23x19',
      'model.layers.0.mlp.down_proj.weight 19x23',
      ...mixtureLayer(1),
      'model.norm.weight 19',
      'lm_head.weight 101x19',
      'model.layers.2.enorm.weight 19',
      'model.layers.2.hnorm.weight 19',
      'model.layers.2.eh_proj.weight 19x38',
      ...mixtureLayer(2),
      'model.layers.2.shared_head.norm.weight 19',
    ]);
  });

  it('has one query matrix without compression, and no shared experts when there are none', () => {
    const names = table(parameterShapes({ ...config, qLoraRank: null, nSharedExperts: 0 }));
    expect(names).toContain('model.layers.1.self_attn.q_proj.weight 21x19');
    expect(names.filter((name) => /q_[ab]_|shared_experts/.test(name))).toEqual([]);
  });

  it('keeps the MTP module a mixture of experts when every layer of the main model is dense', () => {
    const dense = { ...config, firstKDenseReplace: 2 };
    const experts = parameterShapes(dense).filter(({ name }) => name.endsWith('experts.down_proj'));
    expect(experts.map(({ name }) => name)).toEqual(['model.layers.2.mlp.experts.down_proj']);
  });

  it.each(['base', 'no-q-lora', 'many-groups'])(
    'names and shapes what transformers has in case %s (golden)',
    (name) => {
      const golden = loadGolden(name);
      const ours = fromHuggingFaceConfig(golden.config);
      expect(table([...parameterShapes(ours), ...bufferShapes(ours)]).sort()).toEqual(stacked(golden.weights));
    },
  );
});

describe('bufferShapes', () => {
  it('lists a bias for each mixture-of-experts layer, the MTP one included', () => {
    expect(table(bufferShapes(config))).toEqual([
      'model.layers.1.mlp.gate.e_score_correction_bias 29',
      'model.layers.2.mlp.gate.e_score_correction_bias 29',
    ]);
  });
});

function mixtureLayer(layer: number): string[] {
  return [
    'input_layernorm.weight 19',
    'self_attn.q_a_proj.weight 13x19',
    'self_attn.q_a_layernorm.weight 13',
    'self_attn.q_b_proj.weight 21x13',
    'self_attn.kv_a_proj_with_mqa.weight 13x19',
    'self_attn.kv_a_layernorm.weight 11',
    'self_attn.kv_b_proj.weight 66x11',
    'self_attn.o_proj.weight 19x51',
    'post_attention_layernorm.weight 19',
    'mlp.gate.weight 29x19',
    'mlp.experts.gate_up_proj 29x14x19',
    'mlp.experts.down_proj 29x19x7',
    'mlp.shared_experts.gate_proj.weight 14x19',
    'mlp.shared_experts.up_proj.weight 14x19',
    'mlp.shared_experts.down_proj.weight 19x14',
  ].map((entry) => `model.layers.${layer}.${entry}`);
}
