// A line of `metrics.jsonl` as charts need it.

import type { LayerLoad, MetricsLine } from 'tinyseek/core';
import type { Evaluation, StepRecord } from '../protocol.ts';

const numberAt = (line: MetricsLine, key: string) =>
  typeof line[key] === 'number' ? (line[key] as number) : Number.NaN;

/** The numbers under `prefix_1`, `prefix_2` and so on. */
function depths(line: MetricsLine, prefix: string): number[] {
  const values: number[] = [];
  while (line[`${prefix}_${values.length + 1}`] !== undefined)
    values.push(numberAt(line, `${prefix}_${values.length + 1}`));
  return values;
}

/** A training line; the loads of a line that has lost its lists are empty. */
export function stepRecord(line: MetricsLine, secondsLeft: number): StepRecord {
  const { step, tokens, seconds } = line;
  return {
    step,
    tokens,
    seconds,
    loss: numberAt(line, 'train/loss'),
    mtpLoss: depths(line, 'train/mtp_loss'),
    balanceLoss: numberAt(line, 'train/balance_loss'),
    gradNorm: numberAt(line, 'train/grad_norm'),
    learningRate: numberAt(line, 'train/learning_rate'),
    tokensPerSecond: numberAt(line, 'train/tokens_per_second'),
    secondsLeft,
    load: loads(line),
  };
}

function loads(line: MetricsLine): LayerLoad[] {
  const layers = Object.keys(line).flatMap((key) => /^load\/(\d+)\/counts$/.exec(key)?.[1] ?? []);
  return layers.map((layer) => ({
    layer: Number(layer),
    counts: line[`load/${layer}/counts`] as readonly number[],
    maxVio: numberAt(line, `load/${layer}/max_vio`),
    minVio: numberAt(line, `load/${layer}/min_vio`),
    avgVio: numberAt(line, `load/${layer}/avg_vio`),
    deadExperts: numberAt(line, `load/${layer}/dead_experts`),
    bias: line[`load/${layer}/bias`] as readonly number[],
  }));
}

function evaluation(line: MetricsLine): Evaluation {
  return {
    step: line.step,
    loss: numberAt(line, 'eval/loss'),
    bitsPerByte: numberAt(line, 'eval/bits_per_byte'),
    mtpLoss: depths(line, 'eval/mtp_loss'),
    maxVioGlobal: numberAt(line, 'eval/max_vio_global'),
  };
}

/** More steps than this are thinned. */
const mostSteps = 1000;

/** What a log says of the steps up to `lastStep`. */
export function readHistory(log: string, lastStep: number) {
  const lines = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MetricsLine)
    .filter(({ step }) => step <= lastStep);
  const training = lines.filter((line) => line['train/loss'] !== undefined);
  const stride = Math.max(1, Math.ceil(training.length / mostSteps));
  return {
    steps: training.filter((_, i) => (training.length - 1 - i) % stride === 0).map((line) => stepRecord(line, 0)),
    evaluations: lines.filter((line) => line['eval/loss'] !== undefined).map(evaluation),
  };
}
