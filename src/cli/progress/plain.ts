// Progress for logs and pipes: a line about every twentieth of the run.

import type { TrainEvent } from '../../train/events.ts';
import { type Colors, colorsFor } from '../terminal/colors.ts';
import { formatCount, formatDuration } from '../terminal/format.ts';
import { columnsOf, type Output, print } from '../terminal/print.ts';
import { evalLine, headline, measureLine, mostImbalanced, sampleLines } from './lines.ts';
import { logPreparation } from './preparation.ts';
import type { Progress } from './progress.ts';

type StepEvent = Extract<TrainEvent, { type: 'step' }>;

/** Cells of a line in a file, which has no width of its own. */
const widest = 100;

function stepLine(event: StepEvent): string {
  const worst = mostImbalanced(event.load);
  const parts = [
    `step ${event.step}/${event.steps}`,
    ...(event.highlights?.texts ?? [`loss ${event.loss.toFixed(3)}`, `${formatCount(event.tokensPerSecond)} tokens/s`]),
    `${formatDuration(event.secondsLeft)} left`,
    ...(worst === undefined ? [] : [`MaxVio ${worst.maxVio.toFixed(2)} in layer ${worst.layer}`]),
  ];
  return parts.join(', ');
}

function isDue(event: StepEvent): boolean {
  return event.step % Math.max(1, Math.round(event.steps / 20)) === 0 || event.step === event.steps;
}

function lines(event: TrainEvent, width: number, colors: Colors): string[] {
  switch (event.type) {
    case 'start':
      return headline(event, width);
    case 'step':
      return isDue(event) ? [stepLine(event)] : [];
    case 'eval':
      return [evalLine(event.step, event.result)];
    case 'measure':
      return [measureLine(event)];
    case 'sample':
      return sampleLines(event, width, colors);
    case 'note':
      return [event.message];
    case 'warning':
      return [`warning: ${event.message}`];
    case 'change':
    case 'checkpoint':
    case 'end':
      return [];
  }
}

export function plainProgress(stream: Output): Progress {
  const width = Math.min(widest, columnsOf(stream));
  const colors = colorsFor(stream);
  return {
    onEvent: (event) => print(stream, lines(event, width, colors)),
    onPrepare: logPreparation(stream),
    note: (line) => print(stream, [line]),
    end: () => {},
  };
}
