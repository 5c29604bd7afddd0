/**
 * Variants of the engine's binary, the most promising first: instructions, then rows and columns of the matrix tile.
 */
export const variantNames = ['relaxed-5x16', 'relaxed-6x8', 'simd-6x8'] as const;
export type VariantName = (typeof variantNames)[number];

/** How a variant rounds a product that is added to a sum: once (fused multiply-add), or twice. */
export const roundings = ['fused', 'separate'] as const;
export type Rounding = (typeof roundings)[number];

/** Variants that round alike give the same bits; the others differ in the last digits. */
export function roundingOf(variant: string): Rounding {
  return variant.startsWith('relaxed') ? 'fused' : 'separate';
}
