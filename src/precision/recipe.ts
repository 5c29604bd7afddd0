// Which operand of a linear layer's three products is rounded how (F 4.1, 4.2, 4.5).

import type { Quantizer } from './quantize.ts';

/**
 * y = x W^T, dx = dy W and dW = dy^T x, all of 8-bit operands.
 *
 * Tiles lie along the dimension that a product sums over. The product for dW sums over tokens, so x and dy are rounded
 * again for it, in tiles turned by 90 degrees; x from its 8-bit form, which is all that a forward pass keeps.
 */
export interface Fp8Recipe {
  /** x, in tiles of [tokens, input channels]. */
  readonly activations: Quantizer;
  /** W, in blocks of [output channels, input channels]. */
  readonly weights: Quantizer;
  /** dy, in tiles of [tokens, output channels]. */
  readonly gradients: Quantizer;
  /** Whether the forward pass keeps x as it was, and not in 8 bits, for the product for dW. Absent: no. */
  readonly keepsInputs?: boolean;
}

/**
 * Channels that share a scale. The report has 128 of widths from 512 to 18432, 4 to 144 tiles a row; here widths are 32
 * to 256, and 16 gives 2 to 16 of them.
 */
export const tileSize = 16;

const tile: Quantizer = { format: 'e4m3', rows: 1, columns: tileSize };
const block: Quantizer = { format: 'e4m3', rows: tileSize, columns: tileSize };

/**
 * The report's recipe at this scale: E4M3 everywhere, 1 x 16 tiles of activations and gradients, 16 x 16 blocks of
 * weights.
 */
export const fp8Recipe: Fp8Recipe = { activations: tile, weights: block, gradients: tile };

/** The tiles of a matrix for its transpose. */
export function transposed({ format, rows, columns }: Quantizer): Quantizer {
  return { format, rows: columns, columns: rows };
}

const isTile = ({ rows, columns }: Quantizer) => rows === 1 && columns === tileSize;

/**
 * Whether activations, in E4M3, and gradients are rounded in tiles of `tileSize` channels of one token, so that no scale
 * depends on where tokens are sent, and x is kept in 8 bits.
 */
export function isTiled({ activations, gradients, keepsInputs }: Fp8Recipe): boolean {
  return isTile(activations) && activations.format === 'e4m3' && isTile(gradients) && keepsInputs !== true;
}
