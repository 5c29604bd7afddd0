/**
 * Variants of the engine's binary, the most promising first: instructions, then rows and columns of the matrix tile.
 */
export const variantNames = ['relaxed-5x16', 'relaxed-6x8', 'simd-6x8'] as const;
export type VariantName = (typeof variantNames)[number];
