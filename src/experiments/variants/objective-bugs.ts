// Objectives with a bug that shipped somewhere.

import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { updateExpertBias } from '../../moe/expert-bias.ts';
import { noGrad } from '../../tensor/no-grad.ts';
import { tf } from '../../tensor/tf.ts';
import type { Objective } from '../../train/learner.ts';
import { computeLoss, forwardPass, type LossTerms, labelsOf, lossTerms } from '../../train/loss.ts';

/** B13: the main model's labels stay in their document, those of the MTP modules do not. */
export const labelsAcrossDocuments: Objective = (model, input, weights) => {
  const output = forwardPass(model, input);
  const labels = [output.hidden, ...output.mtpHidden].map((_, depth) => {
    const own = labelsOf(input, depth);
    return depth === 0 || own.counted === null ? own : { ...own, counted: tf.onesLike(own.counted) };
  });
  return lossTerms(model, output, labels, weights);
};

/** B11: the MTP losses of all depths are added up, where the report takes their mean. */
export const summedDepths: Objective = (model, input, weights) =>
  computeLoss(model, input, { ...weights, mtpWeight: weights.mtpWeight * model.config.numNextnPredictLayers });

/**
 * B5: the bias moves with every part of a batch, by `speed` each time. The config's own speed has to be 0.
 *
 * The forward pass of the next part then routes by another bias than this one did.
 */
export function biasPerMicroBatch(speed: number): Objective {
  return (model, input, weights) => {
    const terms = computeLoss(model, input, weights);
    noGrad(() => moveBiases(model, terms, speed));
    return terms;
  };
}

function moveBiases({ config, expertBiases }: DeepseekV3ForCausalLM, { counts }: LossTerms, speed: number): void {
  const options = { speed, rule: 'sign', form: config.expertBiasForm, recenter: false } as const;
  for (const { layer, counts: selections } of counts) {
    const bias = expertBiases.get(layer)!;
    const moved = updateExpertBias(bias.dataSync<'float32'>(), selections.dataSync(), options);
    tf.tidy(() => bias.assign(tf.tensor1d(moved)));
  }
}
