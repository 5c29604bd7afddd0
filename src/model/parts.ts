// Where a model can be made of something else. A model of DeepSeek-V3 has `deepseekParts`; training in 8 bits and
// studies replace some. None of it is in the config: a checkpoint is always read as DeepSeek-V3.

import type { ModelConfig } from '../config/model-config.ts';
import { type Attention, MultiHeadLatentAttention } from '../mla/attention.ts';
import { float32Products, type Products } from '../ops/products.ts';
import { routeTokens } from '../ops/router.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { forgetting } from '../tensor/recompute.ts';
import { tf } from '../tensor/tf.ts';

export interface ModelParts {
  /** The attention of a decoder layer; `name` is that of the module, e.g. `model.layers.0.self_attn`. */
  readonly attention: (store: ParameterStore, name: string, config: ModelConfig, products: Products) => Attention;
  /**
   * Products of all linear layers and experts; not of embedding, router, attention scores, `eh_proj` and output head.
   */
  readonly products: Products;
  /** Who goes where. */
  readonly route: typeof routeTokens;
  /** Whether the backward pass computes again what `recomputed` says, in each block and MTP module. */
  readonly recomputes: boolean;
}

export const deepseekParts: ModelParts = {
  attention: (...args) => new MultiHeadLatentAttention(...args),
  products: float32Products,
  route: routeTokens,
  recomputes: false,
};

/**
 * Runs a block: what it makes and neither returns nor needs again is freed at its end, and with `recomputes` also what
 * it can compute again.
 */
export function inScope<T extends object>({ recomputes }: Pick<ModelParts, 'recomputes'>, block: () => T): T {
  const run = block as unknown as () => tf.TensorContainer; // records of tensors and plain data
  return (recomputes ? forgetting(run) : tf.tidy(run)) as T;
}
