// Shape legend: B batch, T tokens, D hiddenSize, V vocabSize.

import type { ModelConfig } from '../config/model-config.ts';
import { RMSNorm } from '../layers/rms-norm.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';

/** Hidden states that end a chain of blocks: the main model's or an MTP module's. */
export interface HeadInput {
  /** After the norm before the head: what the output head reads. */
  readonly hidden: tf.Tensor3D;
  /**
   * What the next MTP module reads: `hidden` again or, with `mtpHiddenState: 'pre-norm'`, the same before that norm.
   */
  readonly start: tf.Tensor3D;
}

/** The last stage of the main model: the final norm and the output head, which all MTP depths share. */
export class OutputHead {
  /** By Hugging Face name: `model.norm.weight` [D] and `lm_head.weight` [V, D]. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly #norm: RMSNorm;
  readonly #weight: tf.Variable<tf.Rank.R2>;
  readonly #config: ModelConfig;

  constructor(store: ParameterStore, config: ModelConfig) {
    this.#config = config;
    this.#norm = new RMSNorm(store, 'model.norm', config.hiddenSize, config.rmsNormEps);
    this.#weight = store.weight('lm_head.weight', [config.vocabSize, config.hiddenSize]);
    this.parameters = store.parametersOf('model.norm.', 'lm_head.');
  }

  /** The matrix [V, D]; `linearCrossEntropy` multiplies by it without keeping all logits. */
  get weight(): tf.Tensor2D {
    return this.#weight as tf.Tensor2D;
  }

  /** The norm. Shapes: x [B, T, D], of the last block -> both [B, T, D]. */
  apply(x: tf.Tensor3D): HeadInput {
    return headInput(this.#config, x, this.#norm.apply(x));
  }

  /** Shapes: hidden [B, T, D] -> [B, T, V]. */
  logits(hidden: tf.Tensor3D): tf.Tensor3D {
    const [B, T, D] = hidden.shape;
    const logits = tf.matMul(tf.reshape(hidden, [B * T, D]), this.weight, false, true);
    return tf.reshape(logits, [B, T, this.#config.vocabSize]);
  }
}

/** The two forms of a hidden state, by what the config says that MTP modules read. F 3.2. */
export function headInput(config: ModelConfig, hidden: tf.Tensor3D, normed: tf.Tensor3D): HeadInput {
  return { hidden: normed, start: config.mtpHiddenState === 'post-norm' ? normed : hidden };
}
