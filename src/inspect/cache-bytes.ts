// What a cache of keys and values takes for a text, with latent attention and with what it replaces.

import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';

export interface CacheBytes {
  /** Multi-head latent attention: the latent and the shared rotary key. What the decoder of this model keeps. */
  readonly mla: number;
  /** Multi-head attention: a key and a value of every head. */
  readonly mha: number;
  /** Grouped-query attention: a key and a value of each group of heads. */
  readonly gqa: number;
  /** Multi-query attention: one key and one value. */
  readonly mqa: number;
  /** The groups of `gqa`. */
  readonly gqaGroups: number;
}

/**
 * Bytes that a cache takes for `tokens` tokens in all layers of the main model. A number takes 4 bytes, as in the
 * decoder here; servers keep 2 (bfloat16).
 *
 * As in the DeepSeek-V2 report, keys of the other kinds have `qkNopeHeadDim` channels and values `vHeadDim`. GQA has as
 * many groups as divide the heads, but at most 8, which is what released models have, and at most half of the heads.
 *
 * Source: arXiv:2405.04434 table 1; arXiv:2412.19437 section 2.1.1.
 */
export function cacheBytes(config: ModelConfig, tokens: number, bytesPerNumber = 4): CacheBytes {
  const counts = countParameters(config);
  const { numAttentionHeads, numHiddenLayers } = config;
  const gqaGroups = groupsOf(numAttentionHeads);
  const bytes = (elements: number) => elements * numHiddenLayers * tokens * bytesPerNumber;
  const perHead = counts.mhaCacheElementsPerTokenPerLayer / numAttentionHeads;
  return {
    mla: bytes(counts.kvCacheElementsPerTokenPerLayer),
    mha: bytes(perHead * numAttentionHeads),
    gqa: bytes(perHead * gqaGroups),
    mqa: bytes(perHead),
    gqaGroups,
  };
}

/** The largest divisor of the heads that is at most 8 and at most half of them; 1 for one head. */
function groupsOf(heads: number): number {
  let groups = Math.max(1, Math.min(8, Math.floor(heads / 2)));
  while (heads % groups !== 0) groups--;
  return groups;
}
