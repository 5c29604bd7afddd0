// Rounding to 8 bits on the engine and by TF.js: the bits of the plain emulation, for any number of threads.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { fakeQuantize } from '../../src/ops/fake-quantize.ts';
import { type Quantizer, quantizeDequantize } from '../../src/precision/quantize.ts';
import { e5m6Tile, fp8Recipe, transposed } from '../../src/precision/recipe.ts';
import { createRandom, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectSameBits } from './same-bits.ts';

const [rows, columns] = [263, 37];

/** Numbers over 40 powers of two, zeros of both signs and a tile of zeros among them. */
function values(): Float32Array {
  const random = createRandom(5);
  const all = normalArray(rows * columns, 1, 3).map((x) => x * 2 ** Math.round(40 * random() - 25));
  all.fill(0, 5 * columns, 6 * columns);
  all[7] = -0;
  return all;
}

const ofFormats: readonly Quantizer[] = (['e4m3', 'e5m2'] as const).flatMap((format) => [
  { ...fp8Recipe.activations, format },
  { ...transposed(fp8Recipe.activations), format },
  { ...fp8Recipe.weights, format },
  { format, rows: Infinity, columns: Infinity },
]);
const quantizers = [
  ...ofFormats,
  e5m6Tile,
  { ...e5m6Tile, rows: 16, columns: 1 },
  { ...e5m6Tile, rows: 3, columns: 7 },
];

describe.each(quantizers)('fakeQuantize to $format in $rows x $columns', (quantizer) => {
  const expected = quantizeDequantize(values(), columns, quantizer);
  const quantized = () =>
    tf.tidy(() => fakeQuantize(tf.tensor2d(values(), [rows, columns]), quantizer).dataSync<'float32'>());

  it('gives the bits of the emulation on any number of threads', async () => {
    for (const threads of [1, 2, 3]) {
      await activateBackend('engine', { threads });
      expectSameBits([quantized()], [expected]);
    }
  });

  it.each(['cpu', 'wasm'] as const)('gives them on %s, by the reference', async (backend) => {
    await activateBackend(backend);
    expectSameBits([quantized()], [expected]);
  });
});

describe('fakeQuantize', () => {
  it.each([
    ['engine', fp8Recipe.activations],
    ['cpu', fp8Recipe.activations],
    ['engine', e5m6Tile],
    ['cpu', e5m6Tile],
  ] as const)('gives NaN for all of a tile with a NaN or an infinity, on %s', async (backend, quantizer) => {
    await activateBackend(backend);
    const x = values();
    x[3 * columns] = Number.NaN;
    x[8 * columns + 20] = Number.NEGATIVE_INFINITY;
    const y = tf.tidy(() => fakeQuantize(tf.tensor2d(x, [rows, columns]), quantizer).dataSync());
    const spoiled = Array.from(y.keys()).filter((i) => Number.isNaN(y[i]));
    const tileAt = (first: number) => Array.from({ length: 16 }, (_, i) => first + i);
    expect(spoiled).toEqual([...tileAt(3 * columns), ...tileAt(8 * columns + 16)]);
  });
});
