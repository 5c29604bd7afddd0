import type { ModelConfig } from '../config/model-config.ts';
import { DecoderLayer } from '../layers/decoder-layer.ts';
import { SwiGluMlp } from '../layers/mlp.ts';
import type { Attention } from '../mla/attention.ts';
import { MixtureOfExperts, type RoutingRecord } from '../moe/moe.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { reshape } from '../tensor/plain-ops.ts';
import type { tf } from '../tensor/tf.ts';
import { inScope, type ModelParts } from './parts.ts';

/**
 * How the attention of a block is computed: over the tokens of the pass, or over those and a cache. [B, T, D] -> the
 * same.
 */
export type Attend = (attention: Attention, x: tf.Tensor3D, layer: number) => tf.Tensor3D;

/** What a block gives. */
export interface BlockOutput {
  /** [B, T, D]. */
  readonly hidden: tf.Tensor3D;
  /** What its router decided; null where the block is dense. */
  readonly routing: RoutingRecord | null;
}

/** A decoder layer with latent attention and, from layer `firstKDenseReplace` on, a mixture of experts. */
export class TransformerBlock {
  /** By Hugging Face name: `self_attn`, `mlp` and the two norms under `model.layers.{layer}`. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** Index of the layer; MTP modules follow the main layers. */
  readonly layer: number;
  /** Selection bias of its router [E], which is no parameter; null in the leading dense layers. */
  readonly expertBias: tf.Variable<tf.Rank.R1> | null;
  readonly #parts: ModelParts;
  readonly #layer: DecoderLayer;
  readonly #attention: Attention;
  readonly #feedForward: (x: tf.Tensor3D, record: (decision: RoutingRecord) => void) => tf.Tensor3D;

  constructor(store: ParameterStore, name: string, config: ModelConfig, layer: number, parts: ModelParts) {
    this.layer = layer;
    this.#parts = parts;
    this.#attention = parts.attention(store, `${name}.self_attn`, config, parts.products);
    if (layer < config.firstKDenseReplace) {
      const mlp = new SwiGluMlp(store, `${name}.mlp`, config.hiddenSize, config.intermediateSize, parts.products);
      this.expertBias = null;
      this.#feedForward = (x) => {
        const [B, T, D] = x.shape;
        return reshape(mlp.apply(reshape(x, [B * T, D])), [B, T, D]);
      };
    } else {
      const moe = new MixtureOfExperts(store, `${name}.mlp`, config, layer, parts);
      this.expertBias = moe.eScoreCorrectionBias;
      this.#feedForward = (x, record) => moe.apply(x, record);
    }
    this.#layer = new DecoderLayer(store, name, config);
    const modules = ['self_attn', 'mlp', 'input_layernorm', 'post_attention_layernorm'];
    this.parameters = store.parametersOf(...modules.map((module) => `${name}.${module}.`));
  }

  /** Shapes: x [B, T, D] -> the same. Gradient: to x and the parameters, also from `routing.logits`. */
  apply(x: tf.Tensor3D, attend: Attend): BlockOutput {
    return inScope(this.#parts, () => {
      const routing: RoutingRecord[] = [];
      const hidden = this.#layer.apply(
        x,
        (normed) => attend(this.#attention, normed, this.layer),
        (normed) => this.#feedForward(normed, (decision) => void routing.push(decision)),
      );
      return { hidden, routing: routing[0] ?? null };
    });
  }
}
