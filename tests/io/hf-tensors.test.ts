import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { fromHfTensors, rewriteHfTensors, toHfTensors } from '../../src/io/hf-tensors.ts';
import type { TensorSource } from '../../src/io/tensor-source.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { config, countingTensors, shapes } from './helpers.ts';

function sourceOf(tensors: readonly NamedTensor[]): TensorSource {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return { tensors: byName, read: (name) => byName.get(name)?.data.slice() ?? new Float32Array(0) };
}

function find(tensors: readonly NamedTensor[], name: string): NamedTensor {
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (!tensor) throw new Error(`no ${name} among ${tensors.map((candidate) => candidate.name).join(', ')}`);
  return tensor;
}

const inMemory = countingTensors(shapes);

describe('toHfTensors', () => {
  it('contract: names and shapes are those of a Hugging Face file', () => {
    const listed = toHfTensors(inMemory, config).map(({ name, shape }) => `${name} ${shape.join('x')}`);
    expect(listed).toEqual([
      'model.embed_tokens.weight 13x5',
      'model.layers.0.mlp.gate_proj.weight 7x5',
      'model.layers.1.mlp.gate.weight 3x5',
      'model.layers.1.mlp.gate.e_score_correction_bias 3',
      'model.layers.1.mlp.experts.0.gate_proj.weight 2x5',
      'model.layers.1.mlp.experts.0.up_proj.weight 2x5',
      'model.layers.1.mlp.experts.1.gate_proj.weight 2x5',
      'model.layers.1.mlp.experts.1.up_proj.weight 2x5',
      'model.layers.1.mlp.experts.2.gate_proj.weight 2x5',
      'model.layers.1.mlp.experts.2.up_proj.weight 2x5',
      'model.layers.1.mlp.experts.0.down_proj.weight 5x2',
      'model.layers.1.mlp.experts.1.down_proj.weight 5x2',
      'model.layers.1.mlp.experts.2.down_proj.weight 5x2',
      'model.layers.1.mlp.shared_experts.down_proj.weight 5x2',
      'model.layers.2.eh_proj.weight 5x10',
      'model.layers.2.shared_head.norm.weight 5',
      'lm_head.weight 13x5',
      'model.layers.2.embed_tokens.weight 13x5',
      'model.layers.2.shared_head.head.weight 13x5',
    ]);
  });

  it('takes the gate projection from the first rows of an expert and the up projection from the others', () => {
    const file = toHfTensors(inMemory, config);
    const stacked = find(inMemory, 'model.layers.1.mlp.experts.gate_up_proj').data; // [E 3, 2F 4, D 5]
    const row = (expert: number, index: number) => Array.from(stacked.slice((expert * 4 + index) * 5).slice(0, 5));
    const values = (name: string) => Array.from(find(file, `model.layers.1.mlp.experts.${name}.weight`).data);
    expect(values('1.gate_proj')).toEqual([...row(1, 0), ...row(1, 1)]);
    expect(values('1.up_proj')).toEqual([...row(1, 2), ...row(1, 3)]);
    const down = find(inMemory, 'model.layers.1.mlp.experts.down_proj').data; // [E 3, D 5, F 2]
    expect(values('2.down_proj')).toEqual(Array.from(down.slice(20, 30)));
  });

  it('repeats embedding and head in every MTP layer', () => {
    const file = toHfTensors(inMemory, { ...config, numNextnPredictLayers: 2 });
    const embedding = find(inMemory, 'model.embed_tokens.weight').data;
    const head = find(inMemory, 'lm_head.weight').data;
    expect(find(file, 'model.layers.3.embed_tokens.weight').data).toEqual(embedding);
    expect(find(file, 'model.layers.3.shared_head.head.weight').data).toEqual(head);
    const none = toHfTensors(inMemory, { ...config, numNextnPredictLayers: 0 });
    expect(none.some(({ name }) => name.endsWith('layers.2.embed_tokens.weight'))).toBe(false);
  });
});

describe('fromHfTensors', () => {
  it('property: undoes toHfTensors exactly', () => {
    const { tensors, warnings } = fromHfTensors(sourceOf(toHfTensors(inMemory, config)), config, shapes);
    expect(Array.from(tensors)).toEqual(inMemory);
    expect(warnings).toEqual([]);
  });

  it('does without the copies of embedding and head', () => {
    const file = toHfTensors(inMemory, { ...config, numNextnPredictLayers: 0 });
    expect(fromHfTensors(sourceOf(file), config, shapes).warnings).toEqual([]);
  });

  it('warns when a copy of the embedding differs from the shared one', () => {
    const file = toHfTensors(inMemory, config).map((tensor) =>
      tensor.name === 'model.layers.2.embed_tokens.weight' ? { ...tensor, data: tensor.data.map((x) => -x) } : tensor,
    );
    const { tensors, warnings } = fromHfTensors(sourceOf(file), config, shapes);
    expect(Array.from(tensors)).toEqual(inMemory);
    expect(warnings).toEqual([expect.stringMatching(/layers\.2\.embed_tokens\.weight differs from model\.embed_tok/)]);
  });

  it('names what is missing, unexpected and of another shape, with both shapes', () => {
    const file = toHfTensors(inMemory, config)
      .filter(({ name }) => name !== 'model.layers.1.mlp.experts.2.up_proj.weight')
      .map((tensor) => (tensor.name === 'lm_head.weight' ? { ...tensor, shape: [5, 13] } : tensor));
    const read = () =>
      fromHfTensors(sourceOf([...file, ...countingTensors([{ name: 'extra', shape: [3] }])]), config, shapes);
    expect(read).toThrow(UserError);
    expect(read).toThrow('1 of another shape: lm_head.weight (expected [13, 5], found [5, 13])');
    expect(read).toThrow('1 missing: model.layers.1.mlp.experts.2.up_proj.weight [2, 5]');
    expect(read).toThrow('1 unexpected: extra [3]; the weights and config.json do not belong together');
  });

  it('checks the shape of the copies too, and keeps long lists short', () => {
    const file = toHfTensors(inMemory, config).map((tensor) =>
      tensor.name.startsWith('model.layers.2') ? { ...tensor, shape: [1] } : tensor,
    );
    expect(() => fromHfTensors(sourceOf(file), config, shapes)).toThrow(
      'layers.2.embed_tokens.weight (expected [13, 5]',
    );
    const none = () => fromHfTensors(sourceOf([]), config, shapes);
    expect(none).toThrow(/17 missing: .*, and 12 more/);
  });

  it('reads a tensor only when the loop over them gets to it', () => {
    const withoutCopies = { ...config, numNextnPredictLayers: 0 };
    const source = sourceOf(toHfTensors(inMemory, withoutCopies));
    const reads: string[] = [];
    const read = (name: string) => {
      reads.push(name);
      return source.read(name);
    };
    const { tensors } = fromHfTensors({ ...source, read }, withoutCopies, shapes);
    expect(reads).toEqual([]);
    const [first] = tensors;
    expect(first?.name).toBe(shapes[0]?.name);
    expect(reads).toEqual([shapes[0]?.name]);
  });
});

describe('rewriteHfTensors', () => {
  it('gives the tensors of a complete file, from one without the copies', () => {
    const complete = toHfTensors(inMemory, config);
    const without = complete.filter(({ name }) => !/layers\.[23]\.(embed_tokens|shared_head\.head)/.test(name));
    for (const file of [complete, without]) {
      const { tensors, warnings } = rewriteHfTensors(sourceOf(file), config, shapes);
      expect(tensors.map(({ name, shape, read }) => ({ name, shape, data: read() }))).toEqual(complete);
      expect(warnings).toEqual([]);
    }
  });

  it('refuses what fromHfTensors refuses', () => {
    expect(() => rewriteHfTensors(sourceOf([]), config, shapes)).toThrow('17 missing');
  });
});
