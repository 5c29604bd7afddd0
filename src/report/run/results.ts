// The numbers a run comes down to, each with how to print it and which way is better.

import type { MetricsLine } from '../../train/events.ts';
import { lastEvaluation, pointsOf } from '../charts/points.ts';
import { formatCount, formatDuration, formatNumber, formatShort } from '../format.ts';
import { routesTokens } from '../routing.ts';
import type { RunData } from '../run-data.ts';
import { type Condition, comparable, ended } from './comparable.ts';

/** Which of several values is the best, and what must be the same in their runs for that to mean anything. */
export interface Best {
  readonly better: 'lower' | 'higher';
  readonly among: readonly Condition[];
}

export interface Result {
  readonly label: string;
  /** What the number is, in a few words. */
  readonly note: string;
  /** Null for a number that is neither good nor bad. */
  readonly best: Best | null;
  readonly format: (value: number) => string;
  /** Null when the run does not have it. */
  readonly value: (run: RunData) => number | null;
}

const lowest = (among: readonly Condition[]): Best => ({ better: 'lower', among: [...among, ended] });

/** In the order in which tiles and table rows show them. */
export const runResults: readonly Result[] = [
  {
    label: 'bits per byte',
    note: 'held-out text',
    best: lowest(comparable.heldOutBytes),
    format: formatNumber,
    value: evalValue('eval/bits_per_byte'),
  },
  {
    label: 'Brotli bits per byte',
    note: 'the same text, quality 11',
    best: null,
    format: formatNumber,
    value: ({ settings }) => settings.brotliBitsPerByte,
  },
  {
    label: 'held-out loss',
    note: 'nats per token',
    best: lowest(comparable.heldOutTokens),
    format: formatNumber,
    value: evalValue('eval/loss'),
  },
  {
    label: 'perplexity',
    note: 'held-out text',
    best: lowest(comparable.heldOutTokens),
    format: formatShort,
    value: evalValue('eval/perplexity'),
  },
  {
    label: 'training loss',
    note: 'last tenth of the steps',
    best: lowest(comparable.trainingTokens),
    format: formatNumber,
    value: tailValue('train/loss'),
  },
  {
    label: 'MTP loss',
    note: 'held-out text, depth 1',
    best: lowest(comparable.heldOutTokens),
    format: formatNumber,
    value: evalValue('eval/mtp_loss_1'),
  },
  {
    label: 'MaxVio per batch',
    note: 'last tenth of the steps',
    best: lowest(comparable.batchBalance),
    format: formatNumber,
    value: ofRouting(tailValue('balance/max_vio_batch')),
  },
  {
    label: 'MaxVio global',
    note: 'all held-out text',
    best: lowest(comparable.heldOutBalance),
    format: formatNumber,
    value: ofRouting(evalValue('eval/max_vio_global')),
  },
  {
    label: 'AvgVio global',
    note: 'all held-out text',
    best: lowest(comparable.heldOutBalance),
    format: formatNumber,
    value: ofRouting(evalValue('eval/avg_vio_global')),
  },
  {
    label: 'dead experts',
    note: 'per batch, last tenth of the steps',
    best: lowest(comparable.batchDeadExperts),
    format: formatShort,
    value: ofRouting(tailValue('balance/dead_experts')),
  },
  {
    label: 'tokens per second',
    note: 'median',
    best: { better: 'higher', among: comparable.speed },
    format: formatCount,
    value: ({ metrics }) => median(pointsOf(metrics, 'train/tokens_per_second').map(({ y }) => y)),
  },
  plainResult('wall clock', 'evaluations included', formatDuration, ({ seconds }) => seconds),
  plainResult('steps', 'optimizer steps done', formatCount, ({ step }) => step),
  plainResult('tokens', 'trained on', formatCount, ({ tokens }) => tokens),
];

/** Of the last evaluation: an earlier one does not stand in for one that went wrong. */
function evalValue(key: string): Result['value'] {
  return ({ metrics }) => {
    const value = lastEvaluation(metrics)?.[key];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
}

function tailValue(key: string): Result['value'] {
  return ({ metrics }) => {
    const points = pointsOf(metrics, key);
    return mean(points.slice(-Math.ceil(points.length / 10)).map(({ y }) => y));
  };
}

function ofRouting(value: Result['value']): Result['value'] {
  return (run) => (routesTokens(run.settings.model) ? value(run) : null);
}

function plainResult(
  label: string,
  note: string,
  format: (value: number) => string,
  pick: (line: MetricsLine) => number,
): Result {
  const value = ({ metrics }: RunData) => {
    const last = metrics.at(-1);
    return last ? pick(last) : null;
  };
  return { label, note, best: null, format, value };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
