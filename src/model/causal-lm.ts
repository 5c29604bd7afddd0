// DeepSeek-V3 as a causal language model: embedding, decoder layers, final norm, output head, MTP modules.
// It knows nothing of training: no optimizer, no schedule, no loss.
// Shape legend: B batch, T tokens, D hiddenSize, V vocabSize, E routed experts.

import type { ModelConfig } from '../config/model-config.ts';
import { rotaryTables } from '../layers/rotary-embedding.ts';
import type { RoutingRecord } from '../moe/moe.ts';
import type { RotaryTables } from '../ops/rotary.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';
import { attendWithin } from './attend-within.ts';
import { refuseTooLarge } from './model-size.ts';
import type { HeadInput } from './output-head.ts';
import { deepseekParts, type ModelParts } from './parts.ts';
import { createStages, type ModelStages } from './stages.ts';
import type { Attend } from './transformer-block.ts';

/** What a forward pass returns; tensors are on the tape when one is running. */
export interface ForwardOutput {
  /** Hidden states after the final norm [B, T, D]: what the output head reads. */
  readonly hidden: tf.Tensor3D;
  /**
   * What the same head reads at depth k = 1, 2, ...: hidden states after `shared_head.norm`, shape [B, T-k, D]. Depths
   * that a row is too short for are left out.
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
  readonly #config: { -readonly [K in keyof ModelConfig]: ModelConfig[K] };
  /** What it is made of, where that can be replaced. */
  readonly parts: ModelParts;
  /** What a forward pass runs, one after the other. */
  readonly stages: ModelStages;
  readonly #store: ParameterStore;
  /** Tables for positions 0 to `maxPositionEmbeddings - 1`. */
  readonly rotary: RotaryTables;

  /**
   * Draws all weights from `seed`; null is for a backend that takes no memory, and draws none.
   *
   * @throws UserError for sizes that no memory holds, before any of it is taken.
   */
  constructor(config: ModelConfig, seed: number | null, parts: ModelParts = deepseekParts) {
    this.#config = { ...config };
    this.config = this.#config;
    this.parts = parts;
    if (seed !== null) refuseTooLarge(config);
    this.rotary = rotaryTables(config, config.maxPositionEmbeddings);
    this.#store = new ParameterStore(seed, config.initializerRange);
    this.stages = createStages(this.#store, this.config, parts);
  }

  /** Sets how many groups a token may visit, from the next forward pass on. */
  limitGroups(topkGroup: number): void {
    this.#config.topkGroup = topkGroup;
  }

  /** Trainable parameters by name. */
  get parameters(): ReadonlyMap<string, tf.Variable> {
    return this.#store.parameters;
  }

  /** Balancing bias [E] of each MoE layer, by layer index; never among the parameters (B17). */
  get expertBiases(): ReadonlyMap<number, tf.Variable<tf.Rank.R1>> {
    const blocks = [...this.stages.blocks, ...this.stages.mtp.map(({ block }) => block)];
    return new Map(
      blocks.flatMap(({ layer, expertBias }) => (expertBias === null ? [] : [[layer, expertBias] as const])),
    );
  }

  /** The output head [V, D], shared by the main model and all MTP depths. */
  get lmHead(): tf.Tensor2D {
    return this.stages.head.weight;
  }

  /** Shapes: ids [B, T] int32. */
  forward(ids: tf.Tensor2D, { documentIds = null, mtp = false }: ForwardOptions = {}): ForwardOutput {
    const routing: RoutingRecord[] = [];
    const embedded = this.stages.embedding.apply(ids);
    const { hidden, start } = this.#runBlocks(embedded, this.attendWithin(ids.shape[1], documentIds), routing);
    return { hidden, mtpHidden: mtp ? this.#predictFurther(start, embedded, documentIds, routing) : [], routing };
  }

  /**
   * A forward pass whose attention the caller computes, as a decoder with a cache does. Shapes: ids [B, T] -> twice
   * [B, T, D], what the head reads, and what the first MTP module reads.
   */
  forwardWith(ids: tf.Tensor2D, attend: Attend): HeadInput {
    return this.#runBlocks(this.stages.embedding.apply(ids), attend, []);
  }

  /**
   * The first MTP module with attention that the caller computes. Shapes: hidden [B, T, D], of the positions of the
   * pass, ids [B, T], of the tokens after them -> both [B, T, D]: what the head reads, and what a deeper module would
   * read.
   */
  predictWith(hidden: tf.Tensor3D, ids: tf.Tensor2D, attend: Attend): HeadInput {
    return this.stages.mtp[0]!.apply(hidden, this.stages.embedding.apply(ids), attend);
  }

  /** `attendWithin` with the tables of this model. */
  attendWithin(T: number, documentIds: tf.Tensor2D | null): Attend {
    return attendWithin(this.rotary, T, documentIds);
  }

  #runBlocks(embedded: tf.Tensor3D, attend: Attend, routing: RoutingRecord[]): HeadInput {
    let last = embedded;
    for (const block of this.stages.blocks) {
      const out = block.apply(last, attend);
      if (out.routing !== null) routing.push(out.routing);
      last = out.hidden;
    }
    return this.stages.head.apply(last);
  }

  #predictFurther(
    start: tf.Tensor3D,
    embedded: tf.Tensor3D,
    documentIds: tf.Tensor2D | null,
    routing: RoutingRecord[],
  ): tf.Tensor3D[] {
    const outputs: tf.Tensor3D[] = [];
    let previous = start;
    for (const stage of this.stages.mtp) {
      const L = embedded.shape[1] - stage.depth;
      if (L < 1) break;
      const out = stage.predict(previous, embedded, this.attendWithin(L, documentIds));
      if (out.routing !== null) routing.push(out.routing);
      outputs.push(out.hidden);
      previous = out.start;
    }
    return outputs;
  }

  /** Logits of the main model. Shapes: ids [B, T] -> [B, T, V]. */
  logits(ids: tf.Tensor2D): tf.Tensor3D {
    return tf.tidy(() => this.stages.head.logits(this.forward(ids).hidden));
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
}
