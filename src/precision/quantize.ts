// Quantise and dequantise in tiles: every tile is divided by a scale of its own, rounded, and multiplied again.
// Source: arXiv:2412.19437 section 3.3.2; F 4.2.

import { UserError } from '../errors.ts';
import { e4m3, e5m2, e5m6, exponentOf, roundTo, type SmallFloat } from './formats.ts';

/** Format and tile of an operand. */
export interface Quantizer {
  readonly format: 'e4m3' | 'e5m2' | 'e5m6';
  /** Rows that share a scale; Infinity: all rows of the matrix. */
  readonly rows: number;
  /** Columns that share a scale; Infinity: all. */
  readonly columns: number;
  /** Whether scales are rounded up to powers of two, by which nothing is rounded a second time. Absent: no. */
  readonly powerOfTwoScales?: boolean;
}

/**
 * Smallest magnitude that a scale is made for. The released kernels have 1e-4, which would flush gradients of a
 * miniature to zero (F 4.2); this only keeps a tile of zeros from being divided by zero.
 */
export const leastAmax = 1e-30;

/** The format of a quantiser by its name. */
export const formatOf = ({ format }: Pick<Quantizer, 'format'>): SmallFloat => ({ e4m3, e5m2, e5m6 })[format];

/** The scale of a tile whose largest magnitude is `amax`. */
function scaleOf(amax: number, { max }: SmallFloat, isPowerOfTwo: boolean): number {
  const scale = Math.fround(Math.fround(amax) / max);
  if (!(isPowerOfTwo && Number.isFinite(scale))) return scale;
  const power = 2 ** exponentOf(scale);
  return power === scale ? power : 2 * power;
}

/** Where the tiles of `length` rows or columns begin and end: the last one may be smaller. */
function spans(length: number, size: number): [begin: number, end: number][] {
  const step = Math.min(size, length);
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => [i * step, Math.min(length, (i + 1) * step)]);
}

/**
 * A matrix as it is after a trip through 8 bits: per tile `scale = amax / max of the format`, `round(x / scale) *
 * scale`.
 *
 * Every step is rounded to float32, as on the machine; the engine's kernel gives the same bits.
 *
 * Shapes: x [rows, columns], row by row -> the same.
 * Source: arXiv:2412.19437 section 3.3.2, figure 7a: tiles of 1 x 128 for activations, 128 x 128 for weights.
 * @throws {UserError} for numbers that are no whole rows, and for tiles without a row or a column.
 */
export function quantizeDequantize(x: Float32Array, columns: number, quantizer: Quantizer): Float32Array {
  checkTiles(x.length, columns, quantizer);
  const format = formatOf(quantizer);
  const out = new Float32Array(x.length);
  for (const [top, bottom] of spans(x.length / columns, quantizer.rows)) {
    for (const [left, right] of spans(columns, quantizer.columns)) {
      const at: number[] = [];
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) at.push(i * columns + j);
      const amax = at.reduce((most, i) => Math.max(most, Math.abs(x[i]!)), leastAmax);
      const scale = scaleOf(amax, format, quantizer.powerOfTwoScales === true);
      for (const i of at) out[i] = roundTo(Math.fround(x[i]! / scale), format) * scale;
    }
  }
  return out;
}

function checkTiles(length: number, columns: number, quantizer: Quantizer): void {
  if (!(Number.isInteger(columns) && columns > 0 && length % columns === 0)) {
    throw new UserError(
      `quantizeDequantize: ${length} numbers are no whole rows of ${columns}; columns must divide their number`,
    );
  }
  for (const name of ['rows', 'columns'] as const) {
    const size = quantizer[name];
    if ((Number.isInteger(size) && size > 0) || size === Number.POSITIVE_INFINITY) continue;
    throw new UserError(
      `quantizeDequantize: ${name} of a tile must be a whole number from 1 on, or Infinity for all; found ${size}`,
    );
  }
}
