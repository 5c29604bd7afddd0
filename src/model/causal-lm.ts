// DeepSeek-V3 as a causal language model: embedding, decoder layers, final norm, output head, MTP modules.
// It knows nothing of training: no optimizer, no schedule, no loss.
// Shape legend: B batch, T tokens, D hiddenSize, V vocabSize, E routed experts.

import type { ModelConfig } from '../config/model-config.ts';
import { RMSNorm } from '../layers/rms-norm.ts';
import { rotaryTables } from '../layers/rotary-embedding.ts';
import type { MixtureOfExperts, RoutingRecord } from '../moe/moe.ts';
import { embeddingsAtDepth } from '../mtp/alignment.ts';
import { MtpModule, type MtpOutput } from '../mtp/mtp-module.ts';
import { attentionVisibility } from '../ops/mla-attention.ts';
import type { RotaryTables } from '../ops/rotary.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';
import { deepseekParts, type ModelParts } from './parts.ts';
import { type Attend, TransformerBlock } from './transformer-block.ts';

/** What a forward pass returns; tensors are on the tape when one is running. */
export interface ForwardOutput {
  /** Hidden states after the final norm [B, T, D]: what the output head reads. */
  readonly hidden: tf.Tensor3D;
  /**
   * What the same head reads at depth k = 1, 2, ...: hidden states after `shared_head.norm`, shape [B, T-k, D]. Depths that
   * a row is too short for are left out.
   */
  readonly mtpHidden: readonly tf.Tensor3D[];
  /** One per MoE layer that ran, in order. */
  readonly routing: readonly RoutingRecord[];
}

export interface ForwardOptions {
  /** Document of each token [B, T]: attention then stays within a document. */
  readonly documentIds?: tf.Tensor2D | null;
  /** Whether the MTP modules run as well. */
  readonly mtp?: boolean;
}

/**
 * DeepSeek-V3 (arXiv:2412.19437), trainable. Parameters carry Hugging Face's names; routed experts are stacked, as
 * transformers 5 holds them in memory.
 *
 * Owns its variables: call `dispose()` when done.
 */
export class DeepseekV3ForCausalLM {
  readonly config: ModelConfig;
  /** What it is made of, where that can be replaced. */
  readonly parts: ModelParts;
  readonly #store: ParameterStore;
  readonly #embedTokens: tf.Variable<tf.Rank.R2>;
  readonly #lmHead: tf.Variable<tf.Rank.R2>;
  readonly #norm: RMSNorm;
  readonly #layers: readonly TransformerBlock[];
  readonly #mtp: readonly { readonly module: MtpModule; readonly block: TransformerBlock }[];
  /** Tables for positions 0 to `maxPositionEmbeddings - 1`. */
  readonly rotary: RotaryTables;

  /** Draws all weights from `seed`. */
  constructor(config: ModelConfig, seed: number, parts: ModelParts = deepseekParts) {
    this.config = config;
    this.parts = parts;
    const store = new ParameterStore(seed, config.initializerRange);
    this.#store = store;
    this.#embedTokens = store.weight('model.embed_tokens.weight', [config.vocabSize, config.hiddenSize]);
    const name = (layer: number) => `model.layers.${layer}`;
    const depths = Array.from({ length: config.numNextnPredictLayers }, (_, k) => config.numHiddenLayers + k);
    this.#layers = Array.from(
      { length: config.numHiddenLayers },
      (_, layer) => new TransformerBlock(store, name(layer), config, layer, parts),
    );
    this.#norm = new RMSNorm(store, 'model.norm', config.hiddenSize, config.rmsNormEps);
    this.#lmHead = store.weight('lm_head.weight', [config.vocabSize, config.hiddenSize]);
    this.#mtp = depths.map((layer) => ({
      module: new MtpModule(store, name(layer), config),
      block: new TransformerBlock(store, name(layer), config, layer, parts),
    }));
    this.rotary = rotaryTables(config, config.maxPositionEmbeddings);
  }

  /** Trainable parameters by name. */
  get parameters(): ReadonlyMap<string, tf.Variable> {
    return this.#store.parameters;
  }

  /** Balancing bias [E] of each MoE layer, by layer index; never among the parameters (B17). */
  get expertBiases(): ReadonlyMap<number, tf.Variable<tf.Rank.R1>> {
    const blocks = [...this.#layers, ...this.#mtp.map(({ block }) => block)];
    const moes = blocks.map(({ moe }) => moe).filter((moe): moe is MixtureOfExperts => moe !== null);
    return new Map(moes.map((moe) => [moe.layer, moe.eScoreCorrectionBias]));
  }

  /** The output head [V, D], shared by the main model and all MTP depths. */
  get lmHead(): tf.Tensor2D {
    return this.#lmHead as tf.Tensor2D;
  }

  /** Shapes: ids [B, T] int32. */
  forward(ids: tf.Tensor2D, { documentIds = null, mtp = false }: ForwardOptions = {}): ForwardOutput {
    const T = ids.shape[1];
    const routing: RoutingRecord[] = [];
    const record = (decision: RoutingRecord) => void routing.push(decision);
    const embedded = this.#embed(ids);
    const { hidden, start } = this.#runLayers(embedded, this.#withinPass(T, documentIds), record);
    return { hidden, mtpHidden: mtp ? this.#predictFurther(start, embedded, documentIds, record) : [], routing };
  }

  /**
   * A forward pass whose attention the caller computes, as a decoder with a cache does. Shapes: ids [B, T] -> twice
   * [B, T, D], what the head reads, and what the first MTP module reads.
   */
  forwardWith(ids: tf.Tensor2D, attend: Attend): { readonly hidden: tf.Tensor3D; readonly start: tf.Tensor3D } {
    return this.#runLayers(this.#embed(ids), attend, () => {});
  }

  /**
   * The first MTP module with attention that the caller computes. Shapes: hidden [B, T, D], of the positions of the pass,
   * ids [B, T], of the tokens after them -> both [B, T, D]: what the head reads, and what a deeper module would read.
   */
  predictWith(
    hidden: tf.Tensor3D,
    ids: tf.Tensor2D,
    attend: Attend,
  ): { readonly hidden: tf.Tensor3D; readonly start: tf.Tensor3D } {
    const { module, block } = this.#mtp[0]!;
    const out = module.apply(hidden, this.#embed(ids), (x) => block.apply(x, attend, () => {}));
    return { hidden: out.normed, start: this.#startOf(out) };
  }

  #embed(ids: tf.Tensor2D): tf.Tensor3D {
    const [B, T] = ids.shape;
    return tf.reshape(tf.gather(this.#embedTokens, tf.reshape(ids, [B * T])), [B, T, this.config.hiddenSize]);
  }

  #runLayers(embedded: tf.Tensor3D, attend: Attend, record: (decision: RoutingRecord) => void) {
    let last = embedded;
    for (const layer of this.#layers) last = layer.apply(last, attend, record);
    const hidden = this.#norm.apply(last);
    return { hidden, start: this.#startOf({ hidden: last, normed: hidden }) };
  }

  /** The form of an output that the next module reads. */
  #startOf({ hidden, normed }: MtpOutput): tf.Tensor3D {
    return this.config.mtpHiddenState === 'post-norm' ? normed : hidden;
  }

  /** Logits of the main model. Shapes: ids [B, T] -> [B, T, V]. */
  logits(ids: tf.Tensor2D): tf.Tensor3D {
    return tf.tidy(() => {
      const { hidden } = this.forward(ids);
      const [B, T, D] = hidden.shape;
      const logits = tf.matMul(tf.reshape(hidden, [B * T, D]), this.lmHead, false, true);
      return tf.reshape(logits, [B, T, this.config.vocabSize]);
    });
  }

  /** Copies of all parameters and balancing biases. */
  exportTensors(): Promise<NamedTensor[]> {
    return this.#store.export();
  }

  /** Overwrites all parameters and balancing biases. */
  importTensors(tensors: Iterable<NamedTensor>): void {
    this.#store.import(tensors);
  }

  dispose(): void {
    this.#store.dispose();
    tf.dispose([this.rotary.cos, this.rotary.sin, this.rotary.partner]);
  }

  #predictFurther(
    start: tf.Tensor3D,
    embedded: tf.Tensor3D,
    documentIds: tf.Tensor2D | null,
    record: (decision: RoutingRecord) => void,
  ): tf.Tensor3D[] {
    const [B, T, D] = embedded.shape;
    const outputs: tf.Tensor3D[] = [];
    let previous = start;
    for (const [i, { module, block }] of this.#mtp.entries()) {
      const L = T - (i + 1);
      if (L < 1) break;
      const attend = this.#withinPass(L, documentIds === null ? null : tf.slice(documentIds, [0, 0], [B, L]));
      const out = module.apply(tf.slice(previous, [0, 0, 0], [B, L, D]), embeddingsAtDepth(embedded, i + 1), (x) =>
        block.apply(x, attend, record),
      );
      outputs.push(out.normed);
      previous = this.#startOf(out);
    }
    return outputs;
  }

  /** Attention among the tokens of the pass, in the naive form. */
  #withinPass(T: number, documentIds: tf.Tensor2D | null): Attend {
    const context = { rotary: this.rotary, visibility: attentionVisibility(T, documentIds) };
    return (attention, x) => attention.apply(x, context);
  }
}
