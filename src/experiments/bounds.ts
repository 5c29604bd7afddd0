// What the numbers of a run can be. The mean over seeds lies in the same bounds, so an interval is cut there: no value that
// the mean could have is lost, and the interval covers it as often as before.

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
const unlimited: Bounds = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/** The most: every token selects the same K experts, each of which then has E / K times its share. */
const maxVio = ({ nRoutedExperts, numExpertsPerTok }: ModelConfig): Bounds => ({
  min: 0,
  max: nRoutedExperts / numExpertsPerTok - 1,
});

/** Then all but K experts of each layer have none; MTP modules count as layers. */
function deadExperts(model: ModelConfig): Bounds {
  const layers = Math.max(0, model.numHiddenLayers - model.firstKDenseReplace) + model.numNextnPredictLayers;
  return { min: 0, max: layers * (model.nRoutedExperts - model.numExpertsPerTok) };
}

/** A token reaches a node at least and no more than the router lets it. */
const nodes = ({ topkGroup, numExpertsPerTok }: ModelConfig): Bounds => ({
  min: 1,
  max: Math.min(topkGroup, numExpertsPerTok),
});

/** By the part of the key before the first `/`: those of `measure-run.ts`, then those of the probes. */
const known: Readonly<Record<string, BoundsOfModel>> = {
  loss: atLeastZero,
  bitsPerByte: atLeastZero,
  trainLoss: atLeastZero,
  earlyLoss: atLeastZero,
  maxVioGlobal: maxVio,
  maxVioBatch: maxVio,
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
  gemmError: atLeastZero,
  mebibytes: atLeastZero,
  cacheMebibytes: atLeastZero,
};

function declared({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: NonNullable<Metric['bounds']>) {
  return { min, max };
}

/** Of a number that every run has, or that a probe of these studies adds; null for any other key. */
export function knownBounds(key: string, model: ModelConfig): Bounds | null {
  const name = /^mtpLoss\d+$/.test(key) ? 'loss' : (key.split('/')[0] ?? key);
  const bounds = known[name] ?? null;
  return typeof bounds === 'function' ? bounds(model) : bounds;
}

/** Of a metric in runs of `model`: what the study declares, else what is known of the key, else no limits. */
export function boundsOf({ metrics }: Pick<Study, 'metrics'>, key: string, model: ModelConfig): Bounds {
  const own = metrics.find((metric) => metric.key === key)?.bounds;
  return own === undefined ? (knownBounds(key, model) ?? unlimited) : declared(own);
}

/** Of `a - b`. */
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
