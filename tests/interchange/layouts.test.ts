// Folders in which the same weights are stored as other programs store them. What is expected of each is what
// transformers 5.18 makes of it.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { dequantized } from '../../src/io/block-fp8.ts';
import { openModelFiles } from '../../src/io/model-files.ts';
import { openSafetensors, writeTensorFile } from '../../src/io/safetensors.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { useTempFolder } from '../io/helpers.ts';
import { config, smallTensors, writeSmallModel } from './small-export.ts';

const path = useTempFolder();

/** Writes the small model as a folder from elsewhere, with other tensors and other keys in its config. */
function writeForeign(tensors: readonly NamedTensor[], keys: Record<string, unknown> = {}): void {
  rmSync(path('model'), { recursive: true, force: true });
  writeSmallModel(path('model'));
  const { tinyseek_format, mtp_concat_order, mtp_hidden_state, expert_bias_form, ...json } = JSON.parse(
    readFileSync(path('model', 'config.json'), 'utf8'),
  );
  writeFileSync(path('model', 'config.json'), JSON.stringify({ ...json, ...keys }));
  rmSync(path('model', 'model.safetensors'));
  writeTensorFile(
    path('model', 'model.safetensors'),
    tensors.map(({ name, shape, data }) => ({ name, shape, dtype: 'F32', read: () => data })),
  );
}

function importedTensors(): Map<string, Float32Array> {
  const reader = openModelFiles(path('out'));
  try {
    return new Map(readAllTensors(reader).map(({ name, data }) => [name, data]));
  } finally {
    reader.close();
  }
}

const original = new Map(smallTensors.map(({ name, data }) => [name, data]));
const without = (...names: readonly string[]) => smallTensors.filter(({ name }) => !names.includes(name));
const extra = (name: string, ...shape: number[]): NamedTensor => {
  return { name, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5) };
};

/** The experts of every layer in two tensors, as transformers holds them: gate above up, then down. */
function stacked(): NamedTensor[] {
  const { nRoutedExperts: E, moeIntermediateSize: F, hiddenSize: D } = config;
  const isExpert = ({ name }: NamedTensor) => name.includes('.mlp.experts.');
  const layers = new Set(smallTensors.filter(isExpert).map(({ name }) => name.split('.experts.')[0]!));
  const join = (layer: string, projections: readonly string[]): Float32Array =>
    Float32Array.from(
      Array.from({ length: E }, (_, expert) =>
        projections.map((projection) => Array.from(original.get(`${layer}.experts.${expert}.${projection}.weight`)!)),
      ).flat(2),
    );
  const stacks = Array.from(layers, (layer) => [
    { name: `${layer}.experts.gate_up_proj`, shape: [E, 2 * F, D], data: join(layer, ['gate_proj', 'up_proj']) },
    { name: `${layer}.experts.down_proj`, shape: [E, D, F], data: join(layer, ['down_proj']) },
  ]);
  return [...smallTensors.filter((tensor) => !isExpert(tensor)), ...stacks.flat()];
}

const bare = (name: string) => name.replace(/^model\./, '');

describe('the same weights in another layout', () => {
  it.each<[string, NamedTensor[], string[]]>([
    ['as DeepSeek has it', [...smallTensors], []],
    [
      'with buffers that are computed again, as in Moonlight',
      [
        ...smallTensors,
        extra('model.layers.0.self_attn.rotary_emb.inv_freq', 3),
        extra('model.rotary_emb.inv_freq', 3),
      ],
      [
        'model tensors: 2 that the model has no place for are left out, as by transformers: ' +
          'model.layers.0.self_attn.rotary_emb.inv_freq, model.rotary_emb.inv_freq',
      ],
    ],
    [
      'with biases that no setting asks for, and one layer more',
      [
        ...smallTensors,
        extra('model.layers.0.self_attn.o_proj.bias', 5),
        extra('model.layers.9.input_layernorm.weight', 5),
      ],
      [expect.stringMatching(/^model tensors: 2 that the model has no place for are left out/) as unknown as string],
    ],
    [
      'with the experts stacked',
      stacked(),
      ['model tensors: the experts of each layer are stacked in one tensor; they are taken apart'],
    ],
    [
      'without the prefix',
      smallTensors.map((tensor) => ({ ...tensor, name: bare(tensor.name) })),
      ['model tensors: the names lack the prefix "model.", which is added'],
    ],
  ])('%s is the same model', (_what, tensors, warnings) => {
    writeForeign(tensors);
    expect(importModel(path('model'), path('out')).warnings).toEqual(warnings);
    expect(importedTensors()).toEqual(original);
  });

  it.each([
    ['lm_head.weight', 'model.embed_tokens.weight'],
    ['model.embed_tokens.weight', 'lm_head.weight'],
  ])('ties %s to the other where only one of them is there', (absent, present) => {
    const last = config.numHiddenLayers;
    const copies = [`model.layers.${last}.embed_tokens.weight`, `model.layers.${last}.shared_head.head.weight`];
    writeForeign(without(absent, ...copies), { tie_word_embeddings: true });
    const { warnings } = importModel(path('model'), path('out'));
    expect(warnings).toEqual([expect.stringContaining(`tie_word_embeddings: ${absent} is a copy of ${present};`)]);
    const shared = original.get(present);
    expect(importedTensors()).toEqual(
      new Map([...original, [absent, shared], [copies[0], shared], [copies[1], shared]]),
    );
    expect(JSON.parse(readFileSync(path('out', 'config.json'), 'utf8'))).toMatchObject({ tie_word_embeddings: false });
  });

  it('keeps both where a config ties them and both are there', () => {
    writeForeign(smallTensors, { tie_word_embeddings: true });
    expect(importModel(path('model'), path('out')).warnings).toEqual([]);
    expect(importedTensors()).toEqual(original);
  });

  it('takes balancing biases that are missing as zero', () => {
    const isBias = (name: string) => name.endsWith('e_score_correction_bias');
    writeForeign(smallTensors.filter(({ name }) => !isBias(name)));
    expect(importModel(path('model'), path('out')).warnings).toEqual([
      'model tensors: 2 layers have no e_score_correction_bias, which is zero then, as in transformers',
    ]);
    expect(importedTensors()).toEqual(
      new Map(Array.from(original, ([name, data]) => [name, isBias(name) ? data.map(() => 0) : data])),
    );
  });

  it.each([
    ['a head', without('lm_head.weight'), '1 missing: lm_head.weight'],
    [
      'a norm that has another name',
      [...without('model.norm.weight'), extra('model.final_norm.weight', 5)],
      '1 missing: model.norm.weight [5]; 1 unexpected: model.final_norm.weight [5]',
    ],
  ])('still refuses a folder without %s', (_what, tensors, message) => {
    writeForeign(tensors);
    expect(() => importModel(path('model'), path('out'))).toThrow(UserError);
    expect(() => importModel(path('model'), path('out'))).toThrow(message);
  });

  it('finds the MTP module of a config that does not state it, and reads the alias of its depth', () => {
    writeForeign(smallTensors, { num_nextn_predict_layers: undefined });
    expect(importModel(path('model'), path('out')).config.numNextnPredictLayers).toBe(1);
    writeForeign(smallTensors, { num_nextn_predict_layers: undefined, num_mtp_layers: 2 });
    const { config: read, warnings } = importModel(path('model'), path('out2'));
    expect(read.numNextnPredictLayers).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('num_nextn_predict_layers is 2, but the weights have 1')]);
  });
});

describe('FP8 weights with scales that are powers of two (UE8M0)', () => {
  it('are multiplied out', () => {
    const name = 'model.layers.0.mlp.down_proj.weight';
    const [rows = 0, columns = 0] = smallTensors.find((tensor) => tensor.name === name)!.shape;
    const file = Buffer.alloc(rows * columns, 0x38); // E4M3: all ones
    const header = (entries: object) => {
      const json = Buffer.from(JSON.stringify(entries));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json]);
    };
    const bytes = file.length;
    const entries = {
      [name]: { dtype: 'F8_E4M3', shape: [rows, columns], data_offsets: [0, bytes] },
      [`${name}_scale_inv`]: { dtype: 'F8_E8M0', shape: [1, 1], data_offsets: [bytes, bytes + 1] },
    };
    writeFileSync(path('fp8.safetensors'), Buffer.concat([header(entries), file, Buffer.of(130)]));
    const reader = dequantized(openSafetensors(path('fp8.safetensors')), [128, 128]);
    expect(Array.from(reader.read(name))).toEqual(new Array(rows * columns).fill(8)); // 2 ** (130 - 127)
    reader.close();
  });
});
