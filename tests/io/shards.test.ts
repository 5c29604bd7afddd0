import { describe, expect, it } from 'vitest';
import type { TensorToWrite } from '../../src/io/safetensors-bytes.ts';
import { planShards, shardIndex } from '../../src/io/shards.ts';

const tensor = (name: string, size: number, dtype: TensorToWrite['dtype'] = 'BF16'): TensorToWrite => {
  return { name, shape: [size], dtype, read: () => new Float32Array(size) };
};
const summary = (maxBytes: number, tensors: readonly TensorToWrite[]) =>
  planShards(tensors, maxBytes).map((shard) => [shard.name, shard.tensors.map(({ name }) => name).join('')]);

describe('planShards', () => {
  const tensors = [tensor('a', 3), tensor('b', 2), tensor('c', 11), tensor('d', 1, 'F32')]; // 6, 4, 22 and 4 bytes

  it('writes one file with the plain name if all fits', () => {
    for (const maxBytes of [36, Number.POSITIVE_INFINITY]) {
      expect(summary(maxBytes, tensors)).toEqual([['model.safetensors', 'abcd']]);
    }
  });

  it('fills files in order, to the byte; a larger tensor gets a file of its own', () => {
    expect(summary(10, tensors)).toEqual([
      ['model-00001-of-00003.safetensors', 'ab'],
      ['model-00002-of-00003.safetensors', 'c'],
      ['model-00003-of-00003.safetensors', 'd'],
    ]);
    expect(summary(9, tensors).map(([, names]) => names)).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('shardIndex', () => {
  it('says where each tensor is, and how many bytes all have', () => {
    expect(shardIndex(planShards([tensor('a', 3), tensor('b', 2)], 6))).toEqual({
      metadata: { total_size: 10 },
      weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
    });
  });
});
