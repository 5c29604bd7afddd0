// Progress on a terminal: three lines redrawn in place a few times a second (bar, loss, expert load); samples,
// evaluations and warnings scroll by above them.

import type { TrainEvent } from '../../train/events.ts';
import { padEnd } from '../terminal/cells.ts';
import { loadRow, progressBar, sparkline } from '../terminal/charts.ts';
import { type Colors, colorsFor } from '../terminal/colors.ts';
import { formatCount, formatDuration } from '../terminal/format.ts';
import { createLiveBlock, usableColumns } from '../terminal/live-block.ts';
import type { Output } from '../terminal/print.ts';
import { wrapProse } from '../terminal/text.ts';
import { evalLine, headline, measureLine, mostImbalanced, sampleLines } from './lines.ts';
import { preparationLine, throttled } from './preparation.ts';
import type { Progress } from './progress.ts';

type StepEvent = Extract<TrainEvent, { type: 'step' }>;

/** A line of the block: a label, a chart that takes the room that is left, a value. */
interface Row {
  readonly label: string;
  readonly value: string;
  readonly chart: (width: number) => string;
}

const redrawMilliseconds = 200;
const widestChart = 40;
// Below this width each row gives its chart what room it has, instead of lining up with the others.
const narrow = 64;

/** The number that the block draws as a curve. */
const curveOf = ({ loss, highlights }: StepEvent) => highlights?.curve ?? loss;

/** The curve, and what else a method found in a row without a chart. */
function curveRows(event: StepEvent, curve: readonly number[], colors: Colors): Row[] {
  const [label = '', value = '', ...others] = event.highlights?.texts ?? [
    `loss ${event.loss.toFixed(3)}`,
    `${formatCount(event.tokensPerSecond)} tokens/s`,
  ];
  return [
    { label, value, chart: (width) => colors.green(sparkline(curve, width)) },
    ...(others.length === 0 ? [] : [{ label: '', value: others.join(', '), chart: () => '' }]),
  ];
}

function rowsOf(event: StepEvent, losses: readonly number[], colors: Colors): Row[] {
  const worst = mostImbalanced(event.load);
  const percent = Math.floor((100 * event.step) / event.steps);
  const load = (counts: readonly number[], maxVio: number, layer: number): Row => ({
    label: 'load',
    value: `MaxVio ${maxVio.toFixed(2)}, layer ${layer}`,
    chart: (width) => colors.yellow(loadRow(counts, width)),
  });
  return [
    {
      label: `step ${event.step}/${event.steps}`,
      value: `${percent}%, ${formatDuration(event.secondsLeft)} left`,
      chart: (width) => colors.cyan(progressBar(event.step / event.steps, width)),
    },
    ...curveRows(event, losses, colors),
    ...(worst === undefined ? [] : [load(worst.counts, worst.maxVio, worst.layer)]),
  ];
}

const longest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length));

/** The lines of the block, none wider than `width`. */
export function blockLines(
  event: StepEvent,
  losses: readonly number[],
  width: number,
  colors: Colors,
): readonly string[] {
  const rows = rowsOf(event, losses, colors);
  const aligned = width >= narrow;
  const labelWidth = aligned ? longest(rows.map((row) => row.label)) : 0;
  const valueWidth = aligned ? longest(rows.map((row) => row.value)) : 0;
  return rows.map(({ label, value, chart }) => {
    const room = width - Math.max(label.length, labelWidth) - Math.max(value.length, valueWidth) - 2;
    const chartWidth = Math.min(widestChart, room);
    const charted = padEnd(chart(chartWidth), aligned ? chartWidth : 0);
    return [label.padEnd(labelWidth), charted, value].filter((part) => part !== '').join(' ');
  });
}

function scrollingLines(event: TrainEvent, width: number, colors: Colors): readonly string[] {
  switch (event.type) {
    case 'start':
      return headline(event, width);
    case 'eval':
      return wrapProse(evalLine(event.step, event.result), width);
    case 'measure':
      return wrapProse(measureLine(event), width);
    case 'sample':
      return sampleLines(event, width, colors);
    case 'note':
      return wrapProse(event.message, width);
    case 'warning':
      return wrapProse(`warning: ${event.message}`, width).map((line) => colors.yellow(line));
    case 'step':
    case 'change':
    case 'checkpoint':
    case 'end':
      return [];
  }
}

export function liveProgress(terminal: Output, now: () => number = () => performance.now()): Progress {
  const colors = colorsFor(terminal);
  const block = createLiveBlock(terminal);
  const losses: number[] = [];
  let drawnAt = Number.NEGATIVE_INFINITY;
  const onStep = (event: StepEvent) => {
    losses.push(curveOf(event));
    if (now() - drawnAt < redrawMilliseconds && event.step < event.steps) return;
    drawnAt = now();
    block.draw(blockLines(event, losses, usableColumns(terminal), colors));
  };
  const showCursor = () => block.end();
  process.once('exit', showCursor);
  block.draw(['Preparing ...']);
  return {
    onEvent: (event) => {
      if (event.type === 'step') onStep(event);
      else block.above(scrollingLines(event, usableColumns(terminal), colors));
    },
    onPrepare: throttled(redrawMilliseconds, (progress) => block.draw([preparationLine(progress)]), now),
    note: (line) => block.above(wrapProse(line, usableColumns(terminal))),
    end: () => {
      process.off('exit', showCursor);
      block.end();
    },
  };
}
