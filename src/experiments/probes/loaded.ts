// How good a checkpoint is for somebody who loads it as DeepSeek-V3: its loss, and how often the MTP module predicts
// the token that the main model predicts next.

import { evaluate } from '../../train/evaluate.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { acceptance } from './acceptance.ts';
import { namedTokens } from './named-tokens.ts';
import { openTrained, probeTokens } from './open-trained.ts';
import { add, none } from './tally.ts';

/**
 * `loadedLoss`, on the first held-out tokens of each domain, and `acceptance`: the share of positions at which the
 * first MTP module, given the text, names the token that the main model names one step later. 0 to 1; left out without
 * MTP.
 */
export async function probeLoaded(trained: TrainedArm): Promise<Measurements> {
  const { model, dataset } = await openTrained(trained);
  const { batchSize, documentMask } = trained.train;
  const result = await evaluate(model, dataset, { batchSize, documentMask, maxTokensPerDomain: probeTokens });
  const batches = dataset.domains.flatMap((_, domain) => [...dataset.heldOutBatches(domain, batchSize, probeTokens)]);
  const { right, all } = batches
    .map((batch) => acceptance(namedTokens(model, batch, documentMask), 1))
    .reduce(add, none);
  model.dispose();
  return { loadedLoss: result?.loss ?? Number.NaN, ...(all === 0 ? {} : { acceptance: right / all }) };
}
