// One module of multi-token prediction: what turns the hidden state of depth k-1 into that of depth k.
// Shape legend: B batch, L positions (T - k at depth k), D hiddenSize.

import type { ModelConfig } from '../config/model-config.ts';
import { Linear } from '../layers/linear.ts';
import { RMSNorm } from '../layers/rms-norm.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { concatChannels, reshape } from '../tensor/plain-ops.ts';
import { recomputed } from '../tensor/recompute.ts';
import type { tf } from '../tensor/tf.ts';

type Block = (x: tf.Tensor3D) => tf.Tensor3D;

export interface MtpOutput {
  /** Output of the block [B, L, D]. */
  readonly hidden: tf.Tensor3D;
  /** The same after `shared_head.norm`: what the shared output head reads. */
  readonly normed: tf.Tensor3D;
}

/**
 * Combines the previous depth's hidden state with the embedding of the token k places ahead, and runs one transformer
 * block over the result (arXiv:2412.19437 eq. 21-23). Embedding and output head are the main model's.
 *
 * Like the released weights: the embedding half comes first in `eh_proj`, and a norm of its own stands before the head.
 * The report has the hidden half first (`mtpConcatOrder`) and no such norm. F 3.2.
 */
export class MtpModule {
  readonly #enorm: RMSNorm;
  readonly #hnorm: RMSNorm;
  readonly #ehProj: Linear;
  readonly #sharedHeadNorm: RMSNorm;
  readonly #order: ModelConfig['mtpConcatOrder'];

  constructor(store: ParameterStore, name: string, config: ModelConfig) {
    const { hiddenSize: D, rmsNormEps } = config;
    this.#order = config.mtpConcatOrder;
    this.#enorm = new RMSNorm(store, `${name}.enorm`, D, rmsNormEps);
    this.#hnorm = new RMSNorm(store, `${name}.hnorm`, D, rmsNormEps);
    this.#ehProj = new Linear(store, `${name}.eh_proj`, 2 * D, D);
    this.#sharedHeadNorm = new RMSNorm(store, `${name}.shared_head.norm`, D, rmsNormEps);
  }

  /** Shapes: hidden and embeddings [B, L, D], where embeddings[i] is that of token i + k. */
  apply(hidden: tf.Tensor3D, embeddings: tf.Tensor3D, block: Block): MtpOutput {
    const [B, L, D] = hidden.shape;
    const [e, h] = [this.#enorm.apply(embeddings), this.#hnorm.apply(hidden)];
    const [first, second] = this.#order === 'embedding-first' ? [e, h] : [h, e];
    const joined = recomputed(() => concatChannels(first, second)); // [B, L, 2D]
    const projected = this.#ehProj.apply(reshape(joined, [B * L, 2 * D]));
    const out = block(reshape(projected, [B, L, D]));
    return { hidden: out, normed: this.#sharedHeadNorm.apply(out) };
  }
}
