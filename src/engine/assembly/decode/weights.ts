// Packed weights: what a decoder multiplies with, in one of three formats.
//
// Float32 lies in panels of NR outputs, [input][NR]. Weights of 16 and 8 bits lie in panels of WIDE outputs, whatever
// the tile: a row of a panel is one or two pairs of vectors, and shifts and masks make WIDE floats of it.
//
//   bfloat16  [input][WIDE], two bytes each. Word l (of 32 bits) of each half has outputs l and 8 + l of 16.
//   E4M3      segments, each of [WIDE] scales and [input][WIDE] bytes. Word l of a row has outputs l, 8 + l, 16 + l and
//             24 + l. A segment ends where the blocks of BLOCK x BLOCK weights do that share a scale.
//
// A scale is kept times 2^120: the bits of a byte, shifted to where float32 has them, are a number 2^120 too small, and
// subnormal where the byte is. So one product gives byte * scale, rounded once: the weight as any reader of such a file
// has it. All other arithmetic is that of float32, and so are its bits.

import { NR } from '../gemm/tile';

export const enum Format {
  Float32,
  Bfloat16,
  Fp8,
}

/** Columns of a product of one or two rows, and of a panel of 16 or 8 bits. */
export const WIDE: i32 = 32;
/** Rows and columns of a matrix that share a scale. */
export const BLOCK: i32 = 128;
/** Bytes of the scales of a segment. */
export const SCALES: i32 = WIDE * 4;

@inline
export function panelsOf(outputs: i32): i32 {
  return (outputs + NR - 1) / NR;
}

/** Bytes of a panel of float32. */
@inline
export function panelBytes(inputs: i32): usize {
  return <usize>(inputs * (NR << 2));
}

/** Segments that so many inputs may have: the first need not be at the beginning of a block. */
@inline
function segmentsOf(inputs: i32): i32 {
  return (inputs + 2 * BLOCK - 2) / BLOCK;
}

/** Bytes of WIDE outputs. */
@inline
export function wideBytes(format: Format, inputs: i32): usize {
  if (format == Format.Fp8) return <usize>(inputs * WIDE + segmentsOf(inputs) * SCALES);
  return <usize>(inputs * WIDE * (format == Format.Bfloat16 ? 2 : 4));
}

/** Bytes of a matrix. */
@inline
export function matrixBytes(format: Format, inputs: i32, outputs: i32): usize {
  if (format == Format.Float32) return <usize>panelsOf(outputs) * panelBytes(inputs);
  return <usize>((outputs + WIDE - 1) / WIDE) * wideBytes(format, inputs);
}

/** Outputs of gate, and as many of up, that lie side by side. */
@inline
export function pairWidth(format: Format): i32 {
  return format == Format.Float32 ? NR : WIDE / 2;
}

/** Bytes of such a pair. */
@inline
export function pairBytes(format: Format, inputs: i32): usize {
  return format == Format.Float32 ? 2 * panelBytes(inputs) : wideBytes(format, inputs);
}

@inline
export function pairsOf(format: Format, width: i32): i32 {
  return (width + pairWidth(format) - 1) / pairWidth(format);
}

/** Bytes of a matrix, for who allocates it. */
export function packedBytes(format: i32, inputs: i32, outputs: i32): i32 {
  return <i32>matrixBytes(format, inputs, outputs);
}
