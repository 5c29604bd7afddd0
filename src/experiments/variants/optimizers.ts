// An optimizer with a bug.

import type { TrainConfig } from '../../config/train-config.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { overwrite } from '../../ops/overwrite.ts';
import type { tf } from '../../tensor/tf.ts';
import { AdamW } from '../../train/adamw.ts';

/**
 * B17: the balancing biases are parameters of the optimizer. Their gradient is zero, but weight decay pulls at them.
 */
export class DecayedBiasAdamW extends AdamW {
  readonly #model: DeepseekV3ForCausalLM;
  readonly #weightDecay: number;

  constructor(model: DeepseekV3ForCausalLM, train: TrainConfig) {
    super(model.parameters, train);
    this.#model = model;
    this.#weightDecay = train.weightDecay;
  }

  override update(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, scale: tf.Scalar): void {
    super.update(gradients, learningRate, scale);
    for (const bias of this.#model.expertBiases.values()) {
      overwrite(
        bias,
        bias.dataSync<'float32'>().map((b) => b * (1 - learningRate * this.#weightDecay)),
      );
    }
  }
}
