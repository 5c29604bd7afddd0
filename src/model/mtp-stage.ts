// Shape legend: B batch, T tokens, L = T - k positions of depth k, D hiddenSize.

import type { ModelConfig } from '../config/model-config.ts';
import type { RoutingRecord } from '../moe/moe.ts';
import { embeddingsAtDepth } from '../mtp/alignment.ts';
import { MtpModule } from '../mtp/mtp-module.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';
import { type HeadInput, headInput } from './output-head.ts';
import { inScope, type ModelParts } from './parts.ts';
import { type Attend, TransformerBlock } from './transformer-block.ts';

/** Hidden states of a depth, and what its router decided; null where its block is dense. */
export interface MtpStageOutput extends HeadInput {
  readonly routing: RoutingRecord | null;
}

/**
 * The stage that predicts k tokens further than the main model: an MTP module and its block. Embedding and head are
 * shared.
 */
export class MtpStage {
  /** k: 1 for the first. */
  readonly depth: number;
  /** By Hugging Face name: those under `model.layers.{numHiddenLayers + k - 1}`. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly block: TransformerBlock;
  readonly #config: ModelConfig;
  readonly #parts: ModelParts;
  readonly #module: MtpModule;

  constructor(store: ParameterStore, config: ModelConfig, depth: number, parts: ModelParts) {
    const layer = config.numHiddenLayers + depth - 1;
    const name = `model.layers.${layer}`;
    this.depth = depth;
    this.#config = config;
    this.#parts = parts;
    this.#module = new MtpModule(store, name, config);
    this.block = new TransformerBlock(store, name, config, layer, parts);
    this.parameters = store.parametersOf(`${name}.`);
  }

  /**
   * The depth over whole rows, which have to be longer than k.
   *
   * Shapes: start [B, L+1, D], of the depth before, embedded [B, T, D], of the inputs -> both [B, L, D].
   * Gradient: to both, and the parameters. `attend` is over L positions.
   */
  predict(start: tf.Tensor3D, embedded: tf.Tensor3D, attend: Attend): MtpStageOutput {
    const [B, T, D] = embedded.shape;
    const previous = tf.slice(start, [0, 0, 0], [B, T - this.depth, D]);
    return this.apply(previous, embeddingsAtDepth(embedded, this.depth), attend);
  }

  /** The depth at positions of the caller's. Shapes: start and embeddings [B, L, D], of token i and of token i + k. */
  apply(start: tf.Tensor3D, embeddings: tf.Tensor3D, attend: Attend): MtpStageOutput {
    return inScope(this.#parts, () => {
      const routing: RoutingRecord[] = [];
      const { hidden, normed } = this.#module.apply(start, embeddings, (x) => {
        const out = this.block.apply(x, attend);
        if (out.routing !== null) routing.push(out.routing);
        return out.hidden;
      });
      return { ...headInput(this.#config, hidden, normed), routing: routing[0] ?? null };
    });
  }
}
