// Rounding to 8 bits, tile by tile, in numbers that stay float32.
// Shape legend: M rows of all matrices together, C columns.

import type { SmallFloat } from '../precision/formats.ts';
import { formatOf, leastAmax, type Quantizer } from '../precision/quantize.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const fakeQuantizeOp = defineOp({
  name: 'FakeQuantize',
  inputs: { x: 'M C' },
  constants: ['x'],
  /** Rows of each matrix. */
  attrs: attributes<Quantizer & { readonly counts: readonly number[] }>(),
  outputs: { y: 'M C' },
});

/**
 * `x` rounded to 8 bits and back, each tile with a scale of its own; the same bits as `quantizeDequantize`.
 *
 * `counts` are the rows of each matrix, one after the other; no tile crosses from one to the next.
 *
 * Shapes: x [M, C] -> the same, off the tape.
 */
export function fakeQuantize(
  x: tf.Tensor2D,
  quantizer: Quantizer,
  counts: readonly number[] = [x.shape[0]],
): tf.Tensor2D {
  const attrs = { ...quantizer, counts: [...counts] };
  return fusedOp(fakeQuantizeOp, { x }, attrs, ({ x }) => {
    const parts = counts.filter((rows) => rows > 0);
    const matrices = parts.length === 1 ? [x] : (tf.split(x, parts, 0) as tf.Tensor2D[]);
    const quantized = matrices.map((matrix) => quantizeMatrix(matrix, quantizer));
    return { y: tf.concat2d(quantized, 0) };
  }).y;
}

/** Pads to whole tiles, so that each is two axes of a tensor of rank 4. */
function quantizeMatrix(x: tf.Tensor2D, quantizer: Quantizer): tf.Tensor2D {
  const [M, C] = x.shape;
  const [rows, columns] = [Math.min(quantizer.rows, M), Math.min(quantizer.columns, C)];
  const [bands, tiles] = [Math.ceil(M / rows), Math.ceil(C / columns)];
  const padded = tf.pad2d(x, [
    [0, bands * rows - M],
    [0, tiles * columns - C],
  ]);
  const cut = tf.reshape(padded, [bands, rows, tiles, columns]);
  const format = formatOf(quantizer);
  const exact = tf.div(tf.maximum(tf.max(tf.abs(cut), [1, 3], true), leastAmax), format.max);
  const scale = quantizer.powerOfTwoScales === true ? roundUpToPower(exact) : exact;
  const quantized = tf.mul(roundTensor(tf.div(cut, scale), format), scale);
  return tf.slice(tf.reshape<tf.Rank.R2>(quantized, [bands * rows, tiles * columns]), [0, 0], [M, C]);
}

/** Powers of two that are at least x, which is positive. A logarithm can be off by one next to a power. */
function roundUpToPower(x: tf.Tensor): tf.Tensor {
  const power = tf.pow(2, tf.ceil(tf.div(tf.log(x), Math.LN2)));
  const half = tf.mul(power, 0.5);
  return tf.where(tf.greaterEqual(half, x), half, tf.where(tf.less(power, x), tf.mul(power, 2), power));
}

/**
 * Rounds to the format, saturating.
 *
 * TF.js cannot look at the bits of a number. The step around x is the smallest one plus 2^(k-1-mantissaBits) for every
 * power 2^k above the smallest normal number that |x| reaches: a sum of powers of two without rounding.
 */
function roundTensor(x: tf.Tensor, { minExponent, mantissaBits, max }: SmallFloat): tf.Tensor {
  const clipped = tf.clipByValue(x, -max, max);
  const magnitude = tf.abs(clipped);
  const powers = Array.from({ length: Math.floor(Math.log2(max)) - minExponent }, (_, i) => minExponent + 1 + i);
  const steps = powers.map((k) =>
    tf.mul(tf.cast(tf.greaterEqual(magnitude, 2 ** k), 'float32'), 2 ** (k - 1 - mantissaBits)),
  );
  const step = steps.reduce(
    (sum, part) => tf.add(sum, part),
    tf.scalar(2 ** (minExponent - mantissaBits)) as tf.Tensor,
  );
  return tf.mul(tf.round(tf.div(clipped, step)), step);
}
