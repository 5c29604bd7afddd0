// Optimizers that a run cannot choose: moments of 16 bits, and one with a bug.

import type { TrainConfig } from '../../config/train-config.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { overwrite } from '../../ops/overwrite.ts';
import { roundToBfloat16 } from '../../precision/formats.ts';
import type { tf } from '../../tensor/tf.ts';
import { AdamW } from '../../train/adamw.ts';

/** Both moments are rounded to bfloat16 after every update, as the report keeps them (F 4.1). */
export class Bfloat16MomentsAdamW extends AdamW {
  override update(...args: Parameters<AdamW['update']>): void {
    super.update(...args);
    for (const { expAvg, expAvgSq } of this.moments.values()) {
      for (const moment of [expAvg, expAvgSq]) {
        overwrite(moment, roundToBfloat16(moment.dataSync<'float32'>()));
      }
    }
  }
}

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
