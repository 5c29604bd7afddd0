// The charts in which several runs lie on top of each other: loss, balance, schedules, speed.

import type { Html } from './html.ts';
import {
  type Curve,
  dottedCurve,
  type LineChart,
  lineFigure,
  noisyCurves,
  plainCurve,
  type Rule,
} from './line-chart.ts';
import { pointsOf } from './points.ts';
import type { RunData } from './run-data.ts';

/** A chart that overlays the same curves of every run. */
interface OverlayChart extends Omit<LineChart, 'curves' | 'rules'> {
  readonly curvesOf: (run: RunData, index: number) => readonly Curve[];
  readonly rulesOf?: (run: RunData) => readonly Rule[];
}

/** Draws the charts of a group; a chart without data is null. */
export function overlayFigures(charts: readonly OverlayChart[], runs: readonly RunData[]): (Html | null)[] {
  const names = runs.map(({ name }) => name);
  return charts.map(({ curvesOf, rulesOf, ...chart }) => {
    const rules = rulesOf ? runs.flatMap(rulesOf) : [];
    const distinct = rules.filter((rule, i) => rules.findIndex(({ label }) => label === rule.label) === i);
    return lineFigure({ ...chart, curves: runs.flatMap(curvesOf), rules: distinct }, names);
  });
}

export const LOSS_CHARTS: readonly OverlayChart[] = [
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
  },
  {
    id: 'bits-per-byte',
    title: 'Held-out bits per byte',
    advice: 'Once the curve is below the dashed line, the model predicts unseen text better than Brotli compresses it.',
    yLabel: 'bits per byte',
    curvesOf: ({ metrics }, run) => [dottedCurve(run, 'model', pointsOf(metrics, 'eval/bits_per_byte'), 1)],
    rulesOf: ({ settings }) => {
      const brotli = settings.brotliBitsPerByte;
      return brotli === null ? [] : [{ label: `Brotli ${brotli.toFixed(3)}`, y: brotli }];
    },
  },
  {
    id: 'mtp-loss',
    title: 'Multi-token prediction loss',
    advice:
      'Each depth should fall like the main loss. A depth also reads the token before its label and is one layer deeper, so ending below the main loss is no leak.',
    yLabel: 'nats per token',
    curvesOf: ({ metrics }, run) => mtpDepths(metrics).flatMap((depth) => mtpCurves(metrics, run, depth)),
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

export const BALANCE_CHARTS: readonly OverlayChart[] = [
  {
    id: 'max-vio',
    title: 'MaxVio: the busiest expert',
    advice:
      'How far the busiest expert of each batch is above a fair share (mean over layers): lower is better, 0 is perfect balance.',
    yLabel: 'MaxVio',
    zero: true,
    curvesOf: ({ metrics }, run) => [
      ...noisyCurves(run, pointsOf(metrics, 'balance/max_vio_batch'), 'batch, '),
      dottedCurve(run, 'all held-out text', pointsOf(metrics, 'eval/max_vio_global'), 1),
    ],
  },
  {
    id: 'min-vio',
    title: 'MinVio: the idlest expert',
    advice:
      'How far the idlest expert is below a fair share: near 1 it gets hardly any tokens and learns hardly anything.',
    yLabel: 'MinVio',
    zero: true,
    curvesOf: ({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'balance/min_vio_batch')),
  },
  {
    id: 'dead-experts',
    title: 'Dead experts',
    advice: 'Experts that no token of the batch selected, all layers together: should reach 0 early and stay there.',
    yLabel: 'experts',
    zero: true,
    curvesOf: ({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'balance/dead_experts')),
  },
];

export const SCHEDULE_CHARTS: readonly OverlayChart[] = [
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

export const SPEED_CHARTS: readonly OverlayChart[] = [
  {
    id: 'grad-norm',
    title: 'Gradient norm',
    advice: 'Before clipping: it should settle at or below the dashed line; a lasting rise comes before a loss spike.',
    yLabel: 'L2 norm',
    log: true,
    curvesOf: ({ metrics }, run) => noisyCurves(run, pointsOf(metrics, 'train/grad_norm')),
    rulesOf: ({ settings }) => {
      const clip = settings.train.maxGradNorm;
      return clip > 0 ? [{ label: `clipped at ${clip}`, y: clip }] : [];
    },
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
