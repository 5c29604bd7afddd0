// Where a model can be made of something else. A model of DeepSeek-V3 has `deepseekParts`; training in 8 bits and
// studies replace some. None of it is in the config: a checkpoint is always read as DeepSeek-V3.

import type { ModelConfig } from '../config/model-config.ts';
import { type Attention, MultiHeadLatentAttention } from '../mla/attention.ts';
import { float32Products, type Products } from '../ops/products.ts';
import { routeTokens } from '../ops/router.ts';
import type { ParameterStore } from '../tensor/parameters.ts';

export interface ModelParts {
  /** The attention of a decoder layer; `name` is that of the module, e.g. `model.layers.0.self_attn`. */
  readonly attention: (store: ParameterStore, name: string, config: ModelConfig, products: Products) => Attention;
  /**
   * Products of all linear layers and experts; not of embedding, router, attention scores, `eh_proj` and output head.
   */
  readonly products: Products;
  /** Who goes where. */
  readonly route: typeof routeTokens;
}

export const deepseekParts: ModelParts = {
  attention: (...args) => new MultiHeadLatentAttention(...args),
  products: float32Products,
  route: routeTokens,
};
