import type { ModelConfig } from '../config/model-config.ts';
import { DecoderLayer } from '../layers/decoder-layer.ts';
import { SwiGluMlp } from '../layers/mlp.ts';
import type { Attention } from '../mla/attention.ts';
import { MixtureOfExperts, type RoutingRecord } from '../moe/moe.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';
import type { ModelParts } from './parts.ts';

/** How the attention of a block is computed: over the tokens of the pass, or over those and a cache. [B, T, D] -> the same. */
export type Attend = (attention: Attention, x: tf.Tensor3D, layer: number) => tf.Tensor3D;

/** A decoder layer with latent attention and, from layer `firstKDenseReplace` on, a mixture of experts. */
export class TransformerBlock {
  /** Null in the leading dense layers. */
  readonly moe: MixtureOfExperts | null;
  readonly #index: number;
  readonly #layer: DecoderLayer;
  readonly #attention: Attention;
  readonly #feedForward: (x: tf.Tensor3D, record: (decision: RoutingRecord) => void) => tf.Tensor3D;

  constructor(store: ParameterStore, name: string, config: ModelConfig, layer: number, parts: ModelParts) {
    this.#index = layer;
    this.#attention = parts.attention(store, `${name}.self_attn`, config, parts.products);
    if (layer < config.firstKDenseReplace) {
      const mlp = new SwiGluMlp(store, `${name}.mlp`, config.hiddenSize, config.intermediateSize, parts.products);
      this.moe = null;
      this.#feedForward = (x) => {
        const [B, T, D] = x.shape;
        return tf.reshape(mlp.apply(tf.reshape(x, [B * T, D])), [B, T, D]);
      };
    } else {
      const moe = new MixtureOfExperts(store, `${name}.mlp`, config, layer, parts);
      this.moe = moe;
      this.#feedForward = (x, record) => moe.apply(x, record);
    }
    this.#layer = new DecoderLayer(store, name, config);
  }

  /** Shapes: x [B, T, D] -> [B, T, D]. */
  apply(x: tf.Tensor3D, attend: Attend, record: (decision: RoutingRecord) => void): tf.Tensor3D {
    return this.#layer.apply(
      x,
      (normed) => attend(this.#attention, normed, this.#index),
      (normed) => this.#feedForward(normed, record),
    );
  }
}
