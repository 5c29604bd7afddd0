// How many nodes the tokens of the held-out text reach, and what travels between them.
// Shape legend: N tokens, K experts per token.

import type { ModelConfig } from '../../config/model-config.ts';
import { tf } from '../../tensor/tf.ts';
import { lossInput } from '../../train/micro-batch.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { openTrained, probeTokens } from './open-trained.ts';

/** Bytes that a number takes on its way to an expert (FP8) and back (BF16), as in the report's section 3.2.2. */
const bytesPerNumber = 1 + 2;

/** Distinct groups among the K experts of each token. Shapes: topkIndices [N * K] -> [N]. */
export function nodesPerToken(topkIndices: ArrayLike<number>, config: ModelConfig): number[] {
  const { numExpertsPerTok: K, nRoutedExperts, nGroup } = config;
  const perNode = nRoutedExperts / nGroup;
  return Array.from({ length: topkIndices.length / K }, (_, token) => {
    const own = Array.from({ length: K }, (_, k) => Math.floor((topkIndices[token * K + k] ?? 0) / perNode));
    return new Set(own).size;
  });
}

/**
 * `nodesMean` and `nodesMost` are the mean and the largest number of nodes reached, over all tokens and layers.
 * `trafficBytes` is per token and layer: one copy goes to each node reached, except the token's own node, which is one
 * of those with a chance of one in `nGroup`.
 */
export async function probeNodes(trained: TrainedArm): Promise<Measurements> {
  const { model, dataset } = await openTrained(trained);
  const { batchSize, documentMask } = trained.train;
  const reached: number[] = [];
  for (const domain of dataset.domains.keys()) {
    for (const batch of dataset.heldOutBatches(domain, batchSize, probeTokens)) {
      tf.tidy(() => {
        const { routing } = model.forward(lossInput(batch, documentMask).ids);
        for (const { topkIndices } of routing) reached.push(...nodesPerToken(topkIndices.dataSync(), model.config));
      });
    }
  }
  const { hiddenSize, nGroup } = model.config;
  model.dispose();
  const nodesMean = reached.reduce((sum, count) => sum + count, 0) / reached.length;
  const nodesMost = reached.reduce((most, count) => Math.max(most, count), 0);
  return { nodesMean, nodesMost, trafficBytes: nodesMean * (1 - 1 / nGroup) * hiddenSize * bytesPerNumber };
}
