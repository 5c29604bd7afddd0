import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/data/random.ts';
import { UserError } from '../../src/errors.ts';
import { dequantized, fp8BlockSize, quantizedInBlocks } from '../../src/io/block-fp8.ts';
import { joinBytes } from '../../src/io/join-bytes.ts';
import { openSafetensorsBytes, safetensorsPieces } from '../../src/io/safetensors-bytes.ts';
import type { TensorReader } from '../../src/io/tensor-source.ts';

type Entry = readonly [name: string, dtype: string, shape: readonly number[], values: readonly number[]];

function readerOf(...entries: readonly Entry[]): TensorReader {
  const values = new Map(entries.map(([name, , , data]) => [name, data]));
  return {
    tensors: new Map(entries.map(([name, dtype, shape]) => [name, { name, dtype, shape }])),
    read: (name) => Float32Array.from(values.get(name) ?? []),
    close: () => {},
  };
}

// 5 rows in blocks of 2, 7 columns in blocks of 3: the last block of each axis is smaller.
const weight: Entry = ['w', 'F8_E4M3', [5, 7], Array.from({ length: 35 }, (_, i) => i + 1)];
const scales: Entry = ['w_scale_inv', 'F32', [3, 3], [1, 2, 4, 8, 16, 32, 64, 128, 256]];

describe('dequantized', () => {
  it('multiplies each block by its scale, the smaller ones at the edges too, and hides the scales', () => {
    const reader = dequantized(readerOf(weight, scales, ['norm', 'BF16', [2], [3, 5]]), [2, 3]);
    expect(Array.from(reader.tensors.keys())).toEqual(['w', 'norm']);
    const byHand = weight[3].map((value, at) => {
      const [row, column] = [Math.floor(at / 7), at % 7];
      return value * scales[3][Math.floor(row / 2) * 3 + Math.floor(column / 3)]!;
    });
    expect(Array.from(reader.read('w'))).toEqual(byHand);
    expect(Array.from(reader.read('norm'))).toEqual([3, 5]);
  });

  it('known bug: dividing by scale_inv, as its name suggests, would give other values', () => {
    const reader = dequantized(readerOf(weight, scales), [2, 3]);
    expect(reader.read('w')[34]).toBe(35 * 256);
  });

  it.each<[string, Entry[], string]>([
    ['an FP8 weight without scales', [weight], 'w is FP8, but w_scale_inv is missing'],
    [
      'scales of another shape',
      [weight, ['w_scale_inv', 'F32', [3, 2], []]],
      'w [5,7] needs scales of shape [3,3] for blocks of 2 x 3, but w_scale_inv has [3,2]',
    ],
    [
      'an FP8 vector',
      [
        ['w', 'F8_E4M3', [5], []],
        ['w_scale_inv', 'F32', [3], []],
      ],
      'w is FP8 and has shape [5]; expected a matrix',
    ],
  ])('refuses %s', (_, entries, message) => {
    expect(() => dequantized(readerOf(...entries), [2, 3])).toThrow(UserError);
    expect(() => dequantized(readerOf(...entries), [2, 3])).toThrow(message);
  });
});

describe('fp8BlockSize', () => {
  it('is that of the config, or of the released weights', () => {
    expect(fp8BlockSize({})).toEqual([128, 128]);
    expect(fp8BlockSize({ quantization_config: null })).toEqual([128, 128]);
    expect(fp8BlockSize({ quantization_config: { quant_method: 'fp8', weight_block_size: [64, 32] } })).toEqual([
      64, 32,
    ]);
  });

  it.each([
    [{ quant_method: 'gptq', bits: 4 }, 'quant_method ("gptq") is not supported'],
    [{ quant_method: 'fp8', weight_block_size: null }, 'weight_block_size (null) is not supported'],
    [{ quant_method: 'fp8', weight_block_size: [128] }, 'weight_block_size ([128]) is not supported'],
    [{ quant_method: 'fp8', weight_block_size: [0, 128] }, 'weight_block_size ([0,128]) is not supported'],
    ['fp8?', 'quant_method ("fp8?") is not supported'],
  ])('refuses %j', (quantization, message) => {
    expect(() => fp8BlockSize({ quantization_config: quantization })).toThrow(UserError);
    expect(() => fp8BlockSize({ quantization_config: quantization })).toThrow(message);
  });
});

describe('quantizedInBlocks', () => {
  // 2 x 3 blocks, the last ones smaller; each row of blocks of another magnitude, and one block of zeros.
  const shape = [131, 263];
  const random = createRandom('fp8');
  const data = Float32Array.from({ length: 131 * 263 }, (_, at) => {
    const [row, column] = [Math.floor(at / 263), at % 263];
    if (row >= 128 && column < 128) return 0;
    return (random.next() - 0.5) * (row < 128 ? 3 : 1e-4);
  });
  const stored = (scales: 'F32' | 'F8_E8M0') => {
    const bytes = joinBytes([
      ...safetensorsPieces(quantizedInBlocks({ name: 'w', shape, read: () => data }, 128, scales)),
    ]);
    return openSafetensorsBytes(bytes, 'w.safetensors');
  };

  it.each(['F32', 'F8_E8M0'] as const)('comes back within half a step of 8 bits, with scales in %s', (scales) => {
    const reader = stored(scales);
    expect(reader.tensors.get('w_scale_inv')).toMatchObject({ dtype: scales, shape: [2, 3] });
    const factors = reader.read('w_scale_inv');
    const back = dequantized(reader, [128, 128]).read('w');
    const errors = data.map((value, at) => {
      const scale = factors[Math.floor(at / 263 / 128) * 3 + Math.floor((at % 263) / 128)]!;
      // Three bits of fraction: half a step is 1/16 of the value; below 2 ** -6 of the format, half of 2 ** -9.
      return Math.abs(back[at]! - value) / Math.max(Math.abs(value) / 16, scale * 2 ** -10);
    });
    expect(errors.reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(1.0001); // rounding of the quotient to float32
    expect(factors[3]).toBe(1); // the block of zeros
  });

  it('golden: scales are those of the released kernels, and their next powers of two (F 10)', () => {
    const scaleOf = (amax: number, format: 'F32' | 'F8_E8M0') => {
      const [, scale] = quantizedInBlocks(
        { name: 'w', shape: [1, 1], read: () => Float32Array.of(-amax) },
        128,
        format,
      );
      return scale.read()[0];
    };
    expect([300, 3.5, 448, 449].map((amax) => scaleOf(amax, 'F32'))).toEqual(
      [300 / 448, 0.0078125, 1, 449 / 448].map(Math.fround),
    );
    expect([300, 3.5, 448, 449].map((amax) => scaleOf(amax, 'F8_E8M0'))).toEqual([1, 0.0078125, 1, 2]);
  });
});
