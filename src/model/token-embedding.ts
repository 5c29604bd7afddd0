// Shape legend: B batch, T tokens, V vocabSize, D hiddenSize.

import type { ModelConfig } from '../config/model-config.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { reshape } from '../tensor/plain-ops.ts';
import { tf } from '../tensor/tf.ts';

/** The first stage of a model: a vector for each token id. The MTP modules read the same table. */
export class TokenEmbedding {
  /** By Hugging Face name: `model.embed_tokens.weight` [V, D]. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly #weight: tf.Variable<tf.Rank.R2>;

  constructor(store: ParameterStore, { vocabSize, hiddenSize }: ModelConfig) {
    this.#weight = store.weight('model.embed_tokens.weight', [vocabSize, hiddenSize]);
    this.parameters = store.parametersOf('model.embed_tokens.');
  }

  /** Shapes: ids [B, T] int32 -> [B, T, D]. Gradient: to the table. */
  apply(ids: tf.Tensor2D): tf.Tensor3D {
    const [B, T] = ids.shape;
    return reshape(tf.gather(this.#weight, tf.reshape(ids, [B * T])), [B, T, this.#weight.shape[1]]);
  }
}
