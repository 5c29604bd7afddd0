// Tensors as codes: they give back the bits of the plain emulation, take the bytes that they should, and are made once.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { codesOf } from '../../src/engine/kernels/codes.ts';
import { quantizeDequantize } from '../../src/precision/quantize.ts';
import { e5m6Tile, fp8Recipe } from '../../src/precision/recipe.ts';
import { createRandom, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import type { EngineBackend } from '../../src/engine/backend.ts';
import { expectSameBits } from './same-bits.ts';

const formats = [
  ['e4m3', fp8Recipe.activations, 20],
  ['e5m6', e5m6Tile, 28],
] as const;

const engine = () => tf.backend() as unknown as EngineBackend;

/** Numbers over 60 powers of two, with zeros of both signs and a row of zeros. */
function values(rows: number, columns: number): Float32Array {
  const random = createRandom(5);
  const all = normalArray(rows * columns, 1, 3).map((x) => x * 2 ** Math.round(60 * random() - 30));
  all.fill(0, 0, columns);
  all[Math.min(all.length - 1, columns + 1)] = -0;
  return all;
}

function codedAndBack(x: Float32Array, rows: number, columns: number, format: 'e4m3' | 'e5m6'): Float32Array {
  const backend = engine();
  const given = tf.tensor2d(x, [rows, columns]);
  const codes = codesOf(backend, given, [rows, columns], format);
  const back = tf.zeros([rows, columns]);
  backend.exports.decodeRows(backend.address(codes), backend.address(back), rows, columns, format === 'e5m6');
  backend.disposeData(codes.dataId);
  const numbers = back.dataSync<'float32'>();
  tf.dispose([given, back]);
  return numbers;
}

beforeAll(() => activateBackend('engine', { threads: 2 }));

describe.each(formats)('codes of %s', (format, quantizer, tileBytes) => {
  it.each([
    [1, 1],
    [7, 15],
    [33, 16],
    [5, 37],
    [300, 48],
  ])('property: give the bits of the emulation: %i x %i', async (rows, columns) => {
    const x = values(rows, columns);
    for (const threads of [1, 3]) {
      await activateBackend('engine', { threads });
      expectSameBits([codedAndBack(x, rows, columns, format)], [quantizeDequantize(x, columns, quantizer)]);
    }
  });

  it('spoil a tile with a NaN or an infinity, and no other', () => {
    const x = values(4, 32);
    x[40] = Number.NaN;
    x[3 * 32 + 20] = Infinity;
    const back = codedAndBack(x, 4, 32, format);
    const spoiled = Array.from({ length: 8 }, (_, tile) =>
      back.subarray(16 * tile, 16 * tile + 16).every(Number.isNaN),
    );
    expect(spoiled).toEqual([false, false, true, false, false, false, false, true]);
  });

  it('take a byte, or twelve bits, a number, and a scale a tile', () => {
    const backend = engine();
    const x = tf.zeros<tf.Rank.R2>([64, 256]);
    const before = runningEngine()!.heap.use.used;
    const codes = codesOf(backend, x, [64, 256], format);
    // The heap cuts blocks into quarters of powers of two.
    const bytes = (64 * 256 * tileBytes) / 16;
    expect(4 * codes.shape[0]!).toBe(bytes);
    expect(runningEngine()!.heap.use.used - before).toBeGreaterThanOrEqual(bytes);
    expect(runningEngine()!.heap.use.used - before).toBeLessThan(1.25 * bytes);
    backend.disposeData(codes.dataId);
    x.dispose();
  });

  it('are made once for a tensor, and again when they are gone', () => {
    const backend = engine();
    const x = tf.zeros<tf.Rank.R2>([3, 16]);
    const [first, second] = [codesOf(backend, x, [3, 16], format), codesOf(backend, x, [3, 16], format)];
    expect(second.dataId).toBe(first.dataId);
    backend.disposeData(first.dataId);
    expect(backend.data.has(second.dataId)).toBe(true);
    backend.disposeData(second.dataId);
    expect(backend.data.has(second.dataId)).toBe(false);
    const third = codesOf(backend, x, [3, 16], format);
    expect(third.dataId).not.toBe(first.dataId);
    backend.disposeData(third.dataId);
    x.dispose();
  });

  it('known bug: a recording that took codes from before it would repeat without making them', () => {
    const backend = engine();
    const x = tf.ones<tf.Rank.R2>([2, 16]);
    const before = codesOf(backend, x, [2, 16], format);
    const { recording } = backend.record([], [], () => {
      const codes = codesOf(backend, x, [2, 16], format);
      expect(codes.dataId).not.toBe(before.dataId);
      return [tf.engine().makeTensorFromTensorInfo(codes)];
    });
    recording?.dispose();
    backend.disposeData(before.dataId);
    x.dispose();
  });
});
