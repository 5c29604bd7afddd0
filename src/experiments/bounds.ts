// The smallest and largest values that the numbers of a run can have. The mean over seeds lies within the same bounds,
// so an interval can be cut at them: no possible mean is lost, and the interval covers the true mean as often as
// before.

import type { ModelConfig } from '../config/model-config.ts';
import type { Interval } from '../report/study-results.ts';
import type { Estimate } from './statistics.ts';
import type { Metric, Study } from './study.ts';

/** Infinite on a side without a limit. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

type BoundsOfModel = Bounds | ((model: ModelConfig) => Bounds);

const atLeastZero: Bounds = { min: 0, max: Number.POSITIVE_INFINITY };
const share: Bounds = { min: 0, max: 1 };
/** Of two shares. */
const difference: Bounds = { min: -1, max: 1 };
const unlimited: Bounds = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/** MaxVio is largest when every token selects the same K experts: each of them then has E / K times its share. */
const maxVio = ({ nRoutedExperts, numExpertsPerTok }: ModelConfig): Bounds => ({
  min: 0,
  max: nRoutedExperts / numExpertsPerTok - 1,
});

/** In the same case, K experts are E / K - 1 above the mean and the other E - K are all of it below. */
const avgVio = ({ nRoutedExperts, numExpertsPerTok }: ModelConfig): Bounds => ({
  min: 0,
  max: (2 * (nRoutedExperts - numExpertsPerTok)) / nRoutedExperts,
});

/** Most experts are dead when every token selects the same K; MTP modules count as layers. */
function deadExperts(model: ModelConfig): Bounds {
  const layers = Math.max(0, model.numHiddenLayers - model.firstKDenseReplace) + model.numNextnPredictLayers;
  return { min: 0, max: layers * (model.nRoutedExperts - model.numExpertsPerTok) };
}

/** A token reaches at least one node, and no more than the router allows. */
const nodes = ({ topkGroup, numExpertsPerTok }: ModelConfig): Bounds => ({
  min: 1,
  max: Math.min(topkGroup, numExpertsPerTok),
});

/**
 * Bounds by the part of the key before the first `/`: the numbers of `measure-run.ts`, then those of the probes and of
 * the procedures.
 */
const known: Readonly<Record<string, BoundsOfModel>> = {
  loss: atLeastZero,
  bitsPerByte: atLeastZero,
  trainLoss: atLeastZero,
  earlyLoss: atLeastZero,
  maxVioGlobal: maxVio,
  maxVioBatch: maxVio,
  avgVioGlobal: avgVio,
  avgVioBatch: avgVio,
  frozenMaxVioRatio: atLeastZero,
  deadExperts,
  domainKl: ({ nRoutedExperts, numExpertsPerTok }) => ({ min: 0, max: Math.log(nRoutedExperts / numExpertsPerTok) }),
  domainDistance: share,
  seconds: atLeastZero,
  tokens: atLeastZero,
  flops: atLeastZero,
  acceptance: share,
  acceptance2: share,
  answers: share,
  answerTokens: share,
  lossTopOff: atLeastZero,
  topOffPenalty: unlimited,
  sharedOffPenalty: unlimited,
  loadedLoss: atLeastZero,
  nodesMean: nodes,
  nodesMost: nodes,
  trafficBytes: atLeastZero,
  cacheBytes: atLeastZero,
  gradientError: atLeastZero,
  modelGradientError: atLeastZero,
  gemmError: atLeastZero,
  plantedError: atLeastZero,
  mebibytes: atLeastZero,
  cacheMebibytes: atLeastZero,
  lossDifference: atLeastZero,
  equalBits: share,
  chunks: atLeastZero,
  expertMegabytes: atLeastZero,
  nodeCopies: atLeastZero,
  saved: atLeastZero,
  idle: atLeastZero,
  bubble: share,
  exposed: share,
  exposedPlain: share,
  hours: atLeastZero,
  hoursPlain: atLeastZero,
  needle: share,
  local: share,
  latest: share,
  once: share,
  before: share,
  passAt1: share,
  passAt8: share,
  gain: difference,
  gainAt8: difference,
  scoreGain: difference,
  acceptanceGain: difference,
  pairsRight: share,
  agreement1: share,
  agreement3: share,
  agreement6: share,
  votesGain: difference,
  length: atLeastZero,
  lengthBefore: atLeastZero,
  secondsOfSecondStage: atLeastZero,
  reflects: share,
  taughtPassAt1: share,
  taughtReflects: share,
  expertPassAt1: share,
  expertLength: atLeastZero,
  expertReflects: share,
  keptLength: atLeastZero,
  solved: share,
};

function declared({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: NonNullable<Metric['bounds']>) {
  return { min, max };
}

/** The bounds of a number that every run has, or that a built-in probe adds; null for any other key. */
export function knownBounds(key: string, model: ModelConfig): Bounds | null {
  const name = /^mtpLoss\d+$/.test(key) ? 'loss' : (key.split('/')[0] ?? key);
  const bounds = known[name] ?? null;
  return typeof bounds === 'function' ? bounds(model) : bounds;
}

/** The bounds of a metric in runs of `model`: those that the study declares, or else the known ones, or else none. */
export function boundsOf({ metrics }: Pick<Study, 'metrics'>, key: string, model: ModelConfig): Bounds {
  const own = metrics.find((metric) => metric.key === key)?.bounds;
  return own === undefined ? (knownBounds(key, model) ?? unlimited) : declared(own);
}

/** The bounds of `a - b`. */
export function boundsOfDifference(a: Bounds, b: Bounds): Bounds {
  return { min: a.min - b.max, max: a.max - b.min };
}

/** An interval as results show it: cut at the bounds, without the ends that a single value does not have. */
export function toInterval(found: Estimate | null, { min, max }: Bounds = unlimited): Interval | null {
  if (found === null) return null;
  const { mean, low, high, n } = found;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { mean, low: null, high: null, n };
  // A mean outside its bounds is rounding, or the bounds are wrong: the interval holds it all the same.
  const cut = { low: Math.min(mean, Math.max(low, min)), high: Math.max(mean, Math.min(high, max)) };
  return { mean, ...cut, n, ...(cut.low > low || cut.high < high ? { isCut: true } : {}) };
}
