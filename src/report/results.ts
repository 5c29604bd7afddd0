// The numbers a run comes down to, each with how to print it and which way is better.

import type { MetricsLine } from '../train/events.ts';
import { formatCount, formatDuration, formatNumber, formatShort } from './format.ts';
import { pointsOf } from './points.ts';
import type { RunData } from './run-data.ts';

export interface Result {
  readonly label: string;
  /** What the number is, in a few words. */
  readonly note: string;
  readonly better: 'lower' | 'higher' | null;
  readonly format: (value: number) => string;
  /** Null when the run does not have it. */
  readonly value: (run: RunData) => number | null;
}

/** In the order in which tiles and table rows show them. */
export const RESULTS: readonly Result[] = [
  evalResult('bits per byte', 'held-out text', 'eval/bits_per_byte'),
  {
    label: 'Brotli bits per byte',
    note: 'the same text, quality 11',
    better: null,
    format: formatNumber,
    value: ({ settings }) => settings.brotliBitsPerByte,
  },
  evalResult('held-out loss', 'nats per token', 'eval/loss'),
  evalResult('perplexity', 'held-out text', 'eval/perplexity', formatShort),
  tailResult('training loss', 'last tenth of the steps', 'train/loss'),
  evalResult('MTP loss', 'held-out text, depth 1', 'eval/mtp_loss_1'),
  tailResult('MaxVio per batch', 'last tenth of the steps', 'balance/max_vio_batch'),
  evalResult('MaxVio global', 'all held-out text', 'eval/max_vio_global'),
  tailResult('dead experts', 'per batch, last tenth of the steps', 'balance/dead_experts', formatShort),
  {
    label: 'tokens per second',
    note: 'median',
    better: 'higher',
    format: formatCount,
    value: ({ metrics }) => median(pointsOf(metrics, 'train/tokens_per_second').map(({ y }) => y)),
  },
  lineResult('wall clock', 'evaluations included', formatDuration, ({ seconds }) => seconds),
  lineResult('steps', 'optimizer steps done', formatCount, ({ step }) => step),
  lineResult('tokens', 'trained on', formatCount, ({ tokens }) => tokens),
];

function evalResult(label: string, note: string, key: string, format = formatNumber): Result {
  const value = ({ metrics }: RunData) => pointsOf(metrics, key).at(-1)?.y ?? null;
  return { label, note, better: 'lower', format, value };
}

function tailResult(label: string, note: string, key: string, format = formatNumber): Result {
  const value = ({ metrics }: RunData) => {
    const points = pointsOf(metrics, key);
    return mean(points.slice(-Math.ceil(points.length / 10)).map(({ y }) => y));
  };
  return { label, note, better: 'lower', format, value };
}

function lineResult(
  label: string,
  note: string,
  format: (value: number) => string,
  pick: (line: MetricsLine) => number,
): Result {
  const value = ({ metrics }: RunData) => {
    const last = metrics.at(-1);
    return last ? pick(last) : null;
  };
  return { label, note, better: null, format, value };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
