// Kinds of attention that no config can choose, by the names of their variants. The classes load TF.js, so they are
// imported on demand.

import type { Variant } from '../study.ts';

/** Keys and values with heads of their own, shared by groups of queries. */
export interface HeadShape {
  readonly heads: number;
  /** Divides `heads`. */
  readonly keyHeads: number;
  /** At least `qkRopeHeadDim`, the channels that are rotated. */
  readonly headDim: number;
}

/** Numbers that a cache keeps of each token and layer: keys and values. */
export function groupedCacheElements({ keyHeads, headDim }: HeadShape): number {
  return 2 * keyHeads * headDim;
}

/**
 * Heads of 20 channels. Their number gives a layer of width 128 as many weights, 51,200, as the matrices of preset
 * `tiny`'s latent attention have (the norms of latent attention have 96 more).
 */
export const groupedShapes = {
  mha: { heads: 5, keyHeads: 5, headDim: 20 },
  gqa: { heads: 8, keyHeads: 2, headDim: 20 },
  mqa: { heads: 9, keyHeads: 1, headDim: 20 },
} as const satisfies Record<string, HeadShape>;

const grouped =
  (shape: HeadShape): Variant =>
  async () => {
    const { GroupedQueryAttention } = await import('./grouped-attention.ts');
    return {
      parts: {
        model: {
          attention: (store, name, config, products) => new GroupedQueryAttention(store, name, config, products, shape),
        },
      },
    };
  };

export const attentionVariants = {
  mha: grouped(groupedShapes.mha),
  gqa: grouped(groupedShapes.gqa),
  mqa: grouped(groupedShapes.mqa),
  'mla-without-norms': async () => {
    const { UnnormedLatentAttention } = await import('./latent-attention.ts');
    return { parts: { model: { attention: (...args) => new UnnormedLatentAttention(...args) } } };
  },
  'mla-without-rope': async () => {
    const { UnrotatedLatentAttention } = await import('./latent-attention.ts');
    return { parts: { model: { attention: (...args) => new UnrotatedLatentAttention(...args) } } };
  },
} as const satisfies Record<string, Variant>;
