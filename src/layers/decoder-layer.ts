import type { ModelConfig } from '../config/model-config.ts';
import { add } from '../tensor/plain-ops.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import type { tf } from '../tensor/tf.ts';
import { RMSNorm } from './rms-norm.ts';

type Sublayer = (x: tf.Tensor3D) => tf.Tensor3D;

/** A pre-norm transformer block around any attention and any feed-forward. */
export class DecoderLayer {
  readonly #inputLayernorm: RMSNorm;
  readonly #postAttentionLayernorm: RMSNorm;

  constructor(store: ParameterStore, name: string, config: ModelConfig) {
    this.#inputLayernorm = new RMSNorm(store, `${name}.input_layernorm`, config.hiddenSize, config.rmsNormEps);
    this.#postAttentionLayernorm = new RMSNorm(
      store,
      `${name}.post_attention_layernorm`,
      config.hiddenSize,
      config.rmsNormEps,
    );
  }

  /** Shapes: x [B, T, D] -> [B, T, D]. */
  apply(x: tf.Tensor3D, attention: Sublayer, feedForward: Sublayer): tf.Tensor3D {
    const attended = attention(this.#inputLayernorm.apply(x));
    const { sum, normed } = this.#postAttentionLayernorm.applyToSum(x, attended);
    return add(sum, feedForward(normed));
  }
}
