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
  /**
   * How the forward pass keeps x for the product for dW; `given`: as it was. Absent: in the 8-bit form that it has
   * multiplied.
   */
  readonly cached?: Quantizer | 'given';
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

/** How the report keeps the input of the linear layer after attention: in E5M6, by powers of two (section 3.3.3). */
export const e5m6Tile: Quantizer = { format: 'e5m6', rows: 1, columns: tileSize, powerOfTwoScales: true };

const isTile = ({ rows, columns }: Quantizer) => rows === 1 && columns === tileSize;

/**
 * Whether activations, in E4M3, and gradients are rounded in tiles of `tileSize` channels of one token, so that no scale
 * depends on where tokens are sent, and x is kept in tiles of codes: of E4M3 or, as `e5m6Tile` says, of E5M6.
 */
export function isTiled({ activations, gradients, cached }: Fp8Recipe): boolean {
  const isCoded = cached === undefined || (cached !== 'given' && isTile(cached) && cached.format === 'e5m6');
  return isTile(activations) && activations.format === 'e4m3' && isTile(gradients) && isCoded;
}
