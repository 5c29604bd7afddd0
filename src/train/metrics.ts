// One line of `metrics.jsonl` from what a step or an evaluation found. The keys are documented at `MetricsLine`.

import type { EvalResult, LayerLoad, MetricsLine } from './events.ts';
import type { StepPlan } from './schedules.ts';
import type { StepOutcome } from './step-report.ts';

/** The position of a run, with which every metrics line begins. */
export interface Position {
  /** Optimizer steps done. */
  readonly step: number;
  /** Tokens trained on. */
  readonly tokens: number;
  /** Seconds that the run has taken so far, also before it was resumed. */
  readonly seconds: number;
}

/** The line of one training step. */
export function stepMetrics(
  position: Position,
  plan: StepPlan,
  outcome: StepOutcome,
  tokensPerSecond: number,
): MetricsLine {
  return {
    ...position,
    'train/loss': outcome.main,
    'train/total_loss': outcome.total,
    ...numbered('train/mtp_loss', outcome.mtp),
    'train/balance_loss': outcome.balance,
    'train/grad_norm': outcome.gradNorm,
    'train/learning_rate': plan.learningRate,
    'train/batch_size': plan.batchSize,
    'train/tokens_per_second': tokensPerSecond,
    'train/mtp_weight': plan.mtpWeight,
    'train/bias_speed': plan.biasSpeed,
    ...balanceMetrics(outcome.load),
    ...Object.assign({}, ...outcome.load.map(layerMetrics)),
  };
}

/** The line of one evaluation; `emaLoss` is the loss of the averaged weights, null without an average. */
export function evalMetrics(position: Position, result: EvalResult, emaLoss: number | null): MetricsLine {
  return {
    ...position,
    'eval/loss': result.loss,
    'eval/perplexity': result.perplexity,
    'eval/bits_per_byte': result.bitsPerByte,
    ...numbered('eval/mtp_loss', result.mtpLoss),
    'eval/tokens': result.tokens,
    'eval/max_vio_global': result.maxVioGlobal,
    'eval/avg_vio_global': result.avgVioGlobal,
    ...(emaLoss === null ? {} : { 'eval/ema_loss': emaLoss }),
    ...Object.assign({}, ...result.domains.map(domainMetrics)),
  };
}

function numbered(key: string, values: readonly number[]): Record<string, number> {
  return Object.fromEntries(values.map((value, i) => [`${key}_${i + 1}`, value]));
}

function balanceMetrics(load: readonly LayerLoad[]): Record<string, number> {
  if (load.length === 0) return {};
  return {
    'balance/max_vio_batch': mean(load.map((layer) => layer.maxVio)),
    'balance/min_vio_batch': mean(load.map((layer) => layer.minVio)),
    'balance/avg_vio_batch': mean(load.map((layer) => layer.avgVio)),
    'balance/dead_experts': load.reduce((sum, layer) => sum + layer.deadExperts, 0),
  };
}

function layerMetrics(load: LayerLoad): Record<string, number | readonly number[]> {
  const prefix = `load/${load.layer}`;
  return {
    [`${prefix}/counts`]: load.counts,
    [`${prefix}/max_vio`]: load.maxVio,
    [`${prefix}/min_vio`]: load.minVio,
    [`${prefix}/avg_vio`]: load.avgVio,
    [`${prefix}/dead_experts`]: load.deadExperts,
    [`${prefix}/bias`]: load.bias,
  };
}

function domainMetrics(domain: EvalResult['domains'][number]): Record<string, number | readonly (readonly number[])[]> {
  const prefix = `eval/domain/${domain.name}`;
  return {
    [`${prefix}/loss`]: domain.loss,
    [`${prefix}/bits_per_byte`]: domain.bitsPerByte,
    [`${prefix}/load`]: domain.load.map((layer) => layer.counts),
  };
}

/** The mean of some numbers; NaN if there are none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
