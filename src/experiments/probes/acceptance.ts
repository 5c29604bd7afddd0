// What a checkpoint is worth to somebody who loads it as DeepSeek-V3: its loss, and how often the MTP module guesses what
// the main model says next.

import type { Batch } from '../../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { tf } from '../../tensor/tf.ts';
import { evaluate } from '../../train/evaluate.ts';
import { lossInput } from '../../train/micro-batch.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { openTrained, PROBE_TOKENS } from './open-trained.ts';

/**
 * `loadedLoss`, on the first held-out tokens of each domain, and `acceptance`: the share of positions at which the first MTP
 * module, given the text, names the token that the main model names one step later. 0 to 1; left out without MTP.
 */
export async function probeLoaded(trained: TrainedArm): Promise<Measurements> {
  const { model, dataset } = await openTrained(trained);
  const { batchSize, documentMask } = trained.train;
  const result = await evaluate(model, dataset, { batchSize, documentMask, maxTokensPerDomain: PROBE_TOKENS });
  const batches = dataset.domains.flatMap((_, domain) => [...dataset.heldOutBatches(domain, batchSize, PROBE_TOKENS)]);
  const counts = batches.map((batch) => countAgreement(model, batch, documentMask));
  model.dispose();
  const sum = (key: 'agreed' | 'positions') => counts.reduce((total, count) => total + count[key], 0);
  return {
    loadedLoss: result?.loss ?? Number.NaN,
    ...(model.config.numNextnPredictLayers === 0 ? {} : { acceptance: sum('agreed') / sum('positions') }),
  };
}

/** Positions i at which depth 1, which reads token i + 1, and the main model at i + 1 name the same token. */
export function countAgreement(
  model: DeepseekV3ForCausalLM,
  batch: Batch,
  documentMask: boolean,
): { readonly agreed: number; readonly positions: number } {
  const { batchSize: B, seqLen: T } = batch;
  if (T < 2 || model.config.numNextnPredictLayers === 0) return { agreed: 0, positions: 0 };
  return tf.tidy(() => {
    const { ids, documentIds } = lossInput(batch, documentMask);
    const inputs = (rows: tf.Tensor2D) => tf.slice<tf.Rank.R2, tf.Tensor2D>(rows, [0, 0], [B, T]);
    const { hidden, mtpHidden } = model.forward(inputs(ids), {
      documentIds: documentIds === null ? null : inputs(documentIds),
      mtp: true,
    });
    const D = hidden.shape[2];
    const named = (states: tf.Tensor) =>
      tf.argMax(tf.matMul(tf.reshape(states, [-1, D]), model.lmHead, false, true), 1);
    const later = tf.slice(hidden, [0, 1, 0], [B, T - 1, D]);
    const agreed = tf.sum(tf.cast(tf.equal(named(later), named(mtpHidden[0]!)), 'float32')).dataSync()[0]!;
    return { agreed, positions: B * (T - 1) };
  });
}
