// Records which experts the tokens of held-out text choose.

import type { Dataset } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { UserError } from '../errors.ts';
import { tf } from '../tensor/tf.ts';
import { forwardPass } from '../train/loss.ts';
import { lossInput } from '../train/micro-batch.ts';
import type { RoutingTrace, TracedText } from './routing-trace.ts';

export interface RecordOptions {
  readonly batchSize: number;
  /** As in training: attention stays inside a document. */
  readonly documentMask: boolean;
  /** Tokens of each domain; fewer where a domain has fewer. */
  readonly tokens: number;
}

/**
 * Runs the model over the beginning of the held-out text of every domain. The layers of the MTP modules are left out:
 * they see fewer tokens.
 *
 * @throws {UserError} for a model without routed experts
 */
export async function recordRouting(
  model: DeepseekV3ForCausalLM,
  config: ModelConfig,
  dataset: Pick<Dataset, 'domains' | 'heldOutBatches'>,
  options: RecordOptions,
): Promise<RoutingTrace> {
  if (config.firstKDenseReplace >= config.numHiddenLayers)
    throw new UserError('trace: this model has no layers with experts; record one that has');
  const texts: TracedText[] = [];
  for (const [index, domain] of dataset.domains.entries()) {
    const batches = dataset.heldOutBatches(index, options.batchSize, options.tokens);
    texts.push({ domain, choices: await choicesOf(model, config, batches, options) });
  }
  const { nRoutedExperts, numExpertsPerTok, nGroup, topkGroup, firstKDenseReplace, numHiddenLayers } = config;
  return {
    format: 'tinyseek-routing-1',
    experts: nRoutedExperts,
    expertsPerToken: numExpertsPerTok,
    groups: nGroup,
    groupsPerToken: topkGroup,
    layers: Array.from({ length: numHiddenLayers - firstKDenseReplace }, (_, at) => firstKDenseReplace + at),
    texts,
  };
}

async function choicesOf(
  model: DeepseekV3ForCausalLM,
  { numHiddenLayers, firstKDenseReplace }: ModelConfig,
  batches: Iterable<Parameters<typeof lossInput>[0]>,
  { documentMask, tokens }: RecordOptions,
): Promise<number[][][]> {
  const choices: number[][][] = Array.from({ length: numHiddenLayers - firstKDenseReplace }, () => []);
  for (const batch of batches) {
    await tf.nextFrame(); // lets signal handlers run
    const chosen = tf.tidy(() =>
      forwardPass(model, lossInput(batch, documentMask)).routing.map(({ topkIndices }) => tf.keep(topkIndices.clone())),
    );
    for (const [layer, of] of choices.entries()) of.push(...((await chosen[layer]!.array()) as number[][]));
    tf.dispose(chosen);
  }
  return choices.map((layer) => layer.slice(0, tokens));
}
