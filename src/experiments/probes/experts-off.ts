// The loss of a model with some of its experts switched off, without further training (F 2.2, Mini b and c).

import type { Dataset } from '../../data/types.ts';
import { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { tf } from '../../tensor/tf.ts';
import { evaluate } from '../../train/evaluate.ts';
import type { EvalResult } from '../../train/events.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { openTrained, probeTokens } from './open-trained.ts';

/** Below any affinity: an expert with this bias is never selected. */
const never = -1e9;

/**
 * `lossTopOff/P` is the loss with the P percent most used experts of each layer switched off, and `topOffPenalty` the
 * loss added by switching off 25 percent. For a model with shared experts, `sharedOffPenalty` is the loss added by
 * replacing each of them by one more routed expert.
 */
export async function probeExpertsOff(trained: TrainedArm, percents: readonly number[]): Promise<Measurements> {
  const { model, dataset } = await openTrained(trained);
  const measure = (tested: DeepseekV3ForCausalLM) => evaluateSome(tested, dataset, trained);
  const whole = await measure(model);
  const losses = new Map<number, number>();
  for (const percent of percents) {
    switchOff(model, whole, percent);
    losses.set(percent, (await measure(model)).loss);
    switchOff(model, whole, 0);
  }
  const sharedOff = await lossWithoutShared(model, measure);
  model.dispose();
  return {
    ...Object.fromEntries([...losses].map(([percent, loss]) => [`lossTopOff/${percent}`, loss])),
    topOffPenalty: (losses.get(25) ?? Number.NaN) - whole.loss,
    ...(sharedOff === null ? {} : { sharedOffPenalty: sharedOff - whole.loss }),
  };
}

async function evaluateSome(
  model: DeepseekV3ForCausalLM,
  dataset: Dataset,
  { train }: TrainedArm,
): Promise<EvalResult> {
  const { batchSize, documentMask } = train;
  const result = await evaluate(model, dataset, { batchSize, documentMask, maxTokensPerDomain: probeTokens });
  if (result === null) throw new Error('internal: an evaluation without a signal was interrupted');
  return result;
}

/** The indices of the most used experts, most used first. */
export function mostUsed(counts: readonly number[], percent: number): number[] {
  const order = counts.map((_, expert) => expert).sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
  return order.slice(0, Math.round((percent / 100) * counts.length));
}

/** Sets the bias of every layer to its value in `whole`, but that of the most used experts to `never`. */
function switchOff(model: DeepseekV3ForCausalLM, whole: EvalResult, percent: number): void {
  for (const [layer, variable] of model.expertBiases) {
    const loads = whole.domains.flatMap(({ load }) => load.filter((candidate) => candidate.layer === layer));
    const counts = sumCounts(loads.map((load) => load.counts));
    const bias = [...(loads[0]?.bias ?? [])];
    for (const expert of mostUsed(counts, percent)) bias[expert] = never;
    tf.tidy(() => variable.assign(tf.tensor1d(bias)));
  }
}

function sumCounts(all: readonly (readonly number[])[]): number[] {
  return (all[0] ?? []).map((_, expert) => all.reduce((sum, counts) => sum + (counts[expert] ?? 0), 0));
}

/** The loss with more routed experts in place of the shared ones; null for a model without shared experts. */
async function lossWithoutShared(
  model: DeepseekV3ForCausalLM,
  measure: (model: DeepseekV3ForCausalLM) => Promise<EvalResult>,
): Promise<number | null> {
  const { nSharedExperts, numExpertsPerTok } = model.config;
  if (nSharedExperts === 0) return null;
  const config = { ...model.config, nSharedExperts: 0, numExpertsPerTok: numExpertsPerTok + nSharedExperts };
  const without = new DeepseekV3ForCausalLM(config, 0);
  const tensors = await model.exportTensors();
  without.importTensors(tensors.filter(({ name }) => !name.includes('.shared_experts.')));
  const { loss } = await measure(without);
  without.dispose();
  return loss;
}
