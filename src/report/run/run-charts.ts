// The charts in which several runs lie on top of each other: loss, balance, schedules, speed.

import {
  type Curve,
  dottedCurve,
  type LineChart,
  lineFigure,
  noisyCurves,
  plainCurve,
  type Rule,
} from '../charts/line-chart.ts';
import { partialEvaluations, pointsOf } from '../charts/points.ts';
import { enumerate } from '../format.ts';
import type { Html } from '../html.ts';
import { routesTokens } from '../routing.ts';
import type { RunData } from '../run-data.ts';
import { type Condition, comparable, whyIncomparable } from './comparable.ts';

/** A chart that overlays the same curves of every run. */
export interface OverlayChart extends Omit<LineChart, 'curves' | 'rules' | 'note'> {
  readonly curvesOf: (run: RunData, index: number) => readonly Curve[];
  readonly ruleOf?: (run: RunData) => Omit<Rule, 'run'> | null;
  /** What must be the same in runs whose curves are to be compared; absent: nothing. */
  readonly among?: readonly Condition[];
}

/** Draws the charts of a group; a chart without data is null. */
export function overlayFigures(charts: readonly OverlayChart[], runs: readonly RunData[]): (Html | null)[] {
  const names = runs.map(({ name }) => name);
  return charts.map(({ curvesOf, ruleOf = () => null, among = [], ...chart }) => {
    const curves = runs.flatMap(curvesOf).filter(({ points }) => points.length > 0);
    const drawn = new Set(curves.map(({ run }) => run));
    return lineFigure(
      { ...chart, curves, rules: rulesOf(runs, drawn, ruleOf), note: noteOf(runs, curves, among) },
      names,
    );
  });
}

/** Which curves, and which of their points, are not to be compared. */
function noteOf(runs: readonly RunData[], curves: readonly Curve[], among: readonly Condition[]): string | null {
  const shown = runs.filter((_, index) => curves.some(({ run }) => run === index));
  const reason = whyIncomparable(shown, among);
  const between = reason === null ? [] : [`Do not compare one run with another here: ${reason}.`];
  const evaluated = new Set(curves.filter(({ mark }) => mark === 'dots').map(({ run }) => runs[run]!));
  const within = [...evaluated].flatMap(({ metrics }) => partialEvaluations(metrics) ?? []);
  const notes = [...between, ...within.slice(0, 1)];
  return notes.length === 0 ? null : notes.join(' ');
}

/** One line for all runs that agree on it, in the colour of the first of them where there are several lines. */
function rulesOf(
  runs: readonly RunData[],
  drawn: ReadonlySet<number>,
  ruleOf: NonNullable<OverlayChart['ruleOf']>,
): Rule[] {
  const all = runs.flatMap((run, index) => {
    const rule = drawn.has(index) ? ruleOf(run) : null;
    return rule === null ? [] : [{ ...rule, run: index }];
  });
  const distinct = all.filter((rule, i) => all.findIndex(({ y }) => y === rule.y) === i);
  if (distinct.length < 2) return distinct.map((rule) => ({ ...rule, run: null }));
  return distinct.map((rule) => {
    const owners = all.filter(({ y }) => y === rule.y).map(({ run }) => runs[run]!.name);
    const named = owners.length > 3 ? [...owners.slice(0, 2), `${owners.length - 2} more`] : owners;
    return { ...rule, label: `${rule.label} (${enumerate(named)})` };
  });
}

export const lossCharts: readonly OverlayChart[] = [
  {
    id: 'train-loss',
    title: 'Training and held-out loss',
    advice:
      'Both should fall together; held-out dots that turn upwards while training falls are overfitting, a spike is instability.',
    yLabel: 'nats per token',
    curvesOf: ({ metrics }, run) => [
      ...noisyCurves(run, pointsOf(metrics, 'train/loss')),
      dottedCurve(run, 'held-out', pointsOf(metrics, 'eval/loss'), 1),
    ],
    among: comparable.trainingTokens,
  },
  {
    id: 'bits-per-byte',
    title: 'Held-out bits per byte',
    advice: 'Once a curve is below its dashed line, the model predicts unseen text better than Brotli compresses it.',
    yLabel: 'bits per byte',
    curvesOf: ({ metrics }, run) => [dottedCurve(run, 'model', pointsOf(metrics, 'eval/bits_per_byte'), 1)],
    ruleOf: ({ settings: { brotliBitsPerByte } }) =>
      brotliBitsPerByte === null ? null : { label: `Brotli ${brotliBitsPerByte.toFixed(3)}`, y: brotliBitsPerByte },
    among: comparable.heldOutBytes,
  },
  {
    id: 'mtp-loss',
    title: 'Multi-token prediction loss',
    advice:
      'Each depth should fall like the main loss. A depth also reads the token before its label and is one layer deeper, so ending below the main loss is no leak.',
    yLabel: 'nats per token',
    curvesOf: ({ metrics }, run) => mtpDepths(metrics).flatMap((depth) => mtpCurves(metrics, run, depth)),
    among: comparable.trainingTokens,
  },
];

function mtpDepths(metrics: RunData['metrics']): number[] {
  const keys = new Set(metrics.flatMap((line) => Object.keys(line)));
  const depths = [...keys].flatMap((key) => /^(?:train|eval)\/mtp_loss_(\d+)$/.exec(key)?.[1] ?? []);
  return [...new Set(depths.map(Number))].sort((a, b) => a - b);
}

function mtpCurves(metrics: RunData['metrics'], run: number, depth: number): Curve[] {
  const hue = 2 * (depth - 1);
  const dash = depth - 1;
  return [
    ...noisyCurves(run, pointsOf(metrics, `train/mtp_loss_${depth}`), `depth ${depth}, `, hue, dash),
    dottedCurve(run, `depth ${depth}, held-out`, pointsOf(metrics, `eval/mtp_loss_${depth}`), hue + 1, dash),
  ];
}

/** No curve for a run without a choice of experts, which would lie at zero for ever. */
function ofRouting(curvesOf: OverlayChart['curvesOf']): OverlayChart['curvesOf'] {
  return (run, index) => (routesTokens(run.settings.model) ? curvesOf(run, index) : []);
}

export const balanceCharts: readonly OverlayChart[] = [
  {
    id: 'max-vio',
    title: 'MaxVio: the busiest expert',
    advice:
      'How far the busiest expert of each batch is above a fair share (mean over layers): lower is better, 0 is perfect balance.',
    yLabel: 'MaxVio',
    zero: true,
    curvesOf: ofRouting(({ metrics }, run) => [
      ...noisyCurves(run, pointsOf(metrics, 'balance/max_vio_batch'), 'batch, '),
      dottedCurve(run, 'all held-out text', pointsOf(metrics, 'eval/max_vio_global'), 1),
    ]),
    among: comparable.batchBalance,
  },
  {
    id: 'min-vio',
    title: 'MinVio: the idlest expert',
    advice:
      'How far the idlest expert is below a fair share: near 1 it gets hardly any tokens and learns hardly anything.',
    yLabel: 'MinVio',
    zero: true,
    curvesOf: ofRouting(({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'balance/min_vio_batch'))),
    among: comparable.batchBalance,
  },
  {
    id: 'dead-experts',
    title: 'Dead experts',
    advice: 'Experts that no token of the batch selected, all layers together: should reach 0 early and stay there.',
    yLabel: 'experts',
    zero: true,
    curvesOf: ofRouting(({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'balance/dead_experts'))),
    among: comparable.batchDeadExperts,
  },
];

export const scheduleCharts: readonly OverlayChart[] = [
  scheduleChart(
    'learning-rate',
    'Learning rate',
    'train/learning_rate',
    'learning rate',
    'Warm-up, plateau and decay; a drop here often shows as a drop of the loss.',
  ),
  scheduleChart(
    'bias-speed',
    'Bias update speed (gamma)',
    'train/bias_speed',
    'gamma',
    'How far the expert bias moves per step; at 0 the routing is frozen.',
  ),
  scheduleChart(
    'mtp-weight',
    'MTP loss weight (lambda)',
    'train/mtp_weight',
    'lambda',
    'How much multi-token prediction counts in the total loss.',
  ),
  scheduleChart(
    'batch-size',
    'Batch size',
    'train/batch_size',
    'sequences',
    'Sequences per step; a growing batch makes later losses less noisy.',
  ),
];

function scheduleChart(id: string, title: string, key: string, yLabel: string, advice: string): OverlayChart {
  return {
    id,
    title,
    advice,
    yLabel,
    zero: true,
    curvesOf: ({ metrics }, run) => [plainCurve(run, title, pointsOf(metrics, key))],
  };
}

export const speedCharts: readonly OverlayChart[] = [
  {
    id: 'grad-norm',
    title: 'Gradient norm',
    advice: 'Before clipping: it should settle at or below the dashed line; a lasting rise comes before a loss spike.',
    yLabel: 'L2 norm',
    log: true,
    curvesOf: ({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'train/grad_norm')),
    ruleOf: ({ settings: { train } }) =>
      train.maxGradNorm > 0 ? { label: `clipped at ${train.maxGradNorm}`, y: train.maxGradNorm } : null,
  },
  {
    id: 'tokens-per-second',
    title: 'Training speed',
    advice: 'Should be flat; dips are evaluations, checkpoints or other programs on the machine.',
    yLabel: 'tokens per second',
    zero: true,
    curvesOf: ({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'train/tokens_per_second')),
  },
];
