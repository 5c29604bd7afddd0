// The numbers every finished run has, from its folder alone.

import { countParameters } from '../config/counts.ts';
import { matrixOf, pointsOf } from '../report/charts/points.ts';
import { loadRun } from '../report/load-run.ts';
import type { RunData } from '../report/run-data.ts';
import { domainDistance, domainDivergence } from './specialisation.ts';
import type { Measurements } from './study.ts';

/**
 * Reads the numbers of a finished run from its folder:
 *
 * - `loss`, `bitsPerByte`, `maxVioGlobal`, `avgVioGlobal`, `mtpLoss1`...: from the last evaluation, on all held-out
 * text
 * - `loss/NAME`: the same loss for one domain
 * - `trainLoss`, `maxVioBatch`, `avgVioBatch`, `deadExperts`: means over the last tenth of the steps
 * - `earlyLoss`: the mean training loss over the second tenth of the steps
 * - `frozenMaxVioRatio`: MaxVio per batch while gamma is 0, divided by MaxVio over as many steps before
 * - `domainKl`, `domainDistance`: how much the experts specialise, with several domains only
 * - `seconds`: wall-clock time; `flops`: all arithmetic of the training steps
 */
export function measureRun(runDir: string): Measurements {
  const run = loadRun(runDir);
  const { settings } = run;
  const tokens = run.metrics.at(-1)?.tokens ?? Number.NaN;
  const { flopsPerToken } = countParameters(settings.model, settings.train.seqLen);
  const all = {
    loss: last(run, 'eval/loss'),
    bitsPerByte: last(run, 'eval/bits_per_byte'),
    maxVioGlobal: last(run, 'eval/max_vio_global'),
    avgVioGlobal: last(run, 'eval/avg_vio_global'),
    ...mtpLosses(run),
    trainLoss: tail(run, 'train/loss'),
    earlyLoss: secondTenth(run, 'train/loss'),
    maxVioBatch: tail(run, 'balance/max_vio_batch'),
    avgVioBatch: tail(run, 'balance/avg_vio_batch'),
    deadExperts: tail(run, 'balance/dead_experts'),
    frozenMaxVioRatio: frozenRatio(run),
    ...domainNumbers(run),
    seconds: run.metrics.at(-1)?.seconds ?? Number.NaN,
    tokens,
    flops: tokens * flopsPerToken,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => Number.isFinite(value)));
}

function last({ metrics }: RunData, key: string): number {
  return pointsOf(metrics, key).at(-1)?.y ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function tail({ metrics }: RunData, key: string): number {
  const values = pointsOf(metrics, key).map(({ y }) => y);
  return mean(values.slice(-Math.ceil(values.length / 10)));
}

function secondTenth({ metrics }: RunData, key: string): number {
  const values = pointsOf(metrics, key).map(({ y }) => y);
  const tenth = Math.ceil(values.length / 10);
  return mean(values.slice(tenth, 2 * tenth));
}

function mtpLosses(run: RunData): Record<string, number> {
  const depths = Array.from({ length: run.settings.model.numNextnPredictLayers }, (_, i) => i + 1);
  return Object.fromEntries(depths.map((depth) => [`mtpLoss${depth}`, last(run, `eval/mtp_loss_${depth}`)]));
}

/** `frozenMaxVioRatio`; NaN for a run whose bias never stops moving, or never moves. */
function frozenRatio({ metrics, settings }: RunData): number {
  if (settings.train.balancing !== 'bias') return Number.NaN;
  const speeds = pointsOf(metrics, 'train/bias_speed').map(({ y }) => y);
  const frozen = speeds.length - 1 - speeds.findLastIndex((speed) => speed > 0);
  const values = pointsOf(metrics, 'balance/max_vio_batch').map(({ y }) => y);
  if (frozen < 1 || 2 * frozen > values.length) return Number.NaN;
  return mean(values.slice(-frozen)) / mean(values.slice(-2 * frozen, -frozen));
}

/** The loss of each domain, and how differently the domains use the experts (MTP modules left out). */
function domainNumbers({ metrics, settings }: RunData): Record<string, number> {
  const { numHiddenLayers, firstKDenseReplace } = settings.model;
  const line = metrics.findLast((candidate) => 'eval/loss' in candidate) ?? { step: 0, tokens: 0, seconds: 0 };
  const names = Object.keys(line).flatMap((key) => /^eval\/domain\/(.+)\/load$/.exec(key)?.[1] ?? []);
  if (names.length < 2) return {};
  const loads = names.map((name) =>
    (matrixOf(line, `eval/domain/${name}/load`) ?? []).slice(0, numHiddenLayers - firstKDenseReplace),
  );
  return {
    ...Object.fromEntries(names.map((name) => [`loss/${name}`, Number(line[`eval/domain/${name}/loss`])])),
    domainKl: domainDivergence(loads),
    domainDistance: domainDistance(loads),
  };
}
