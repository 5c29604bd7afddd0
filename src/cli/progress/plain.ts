// Progress for logs and pipes: a line about every twentieth of the run.

import type { TrainEvent } from '../../train/events.ts';
import { formatCount, formatDuration } from '../terminal/format.ts';
import { wrapText } from '../terminal/text.ts';
import { evalLine, headline, mostImbalanced, sampleLines } from './lines.ts';
import type { Progress } from './progress.ts';

type StepEvent = Extract<TrainEvent, { type: 'step' }>;

const width = 100;

function stepLine(event: StepEvent): string {
  const worst = mostImbalanced(event.load);
  const parts = [
    `step ${event.step}/${event.steps}`,
    `loss ${event.loss.toFixed(3)}`,
    `${formatCount(event.tokensPerSecond)} tokens/s`,
    `${formatDuration(event.secondsLeft)} left`,
    ...(worst === undefined ? [] : [`MaxVio ${worst.maxVio.toFixed(2)} in layer ${worst.layer}`]),
  ];
  return parts.join(', ');
}

function isDue(event: StepEvent): boolean {
  return event.step % Math.max(1, Math.round(event.steps / 20)) === 0 || event.step === event.steps;
}

function lines(event: TrainEvent): string[] {
  switch (event.type) {
    case 'start':
      return headline(event, width);
    case 'step':
      return isDue(event) ? [stepLine(event)] : [];
    case 'eval':
      return [evalLine(event.step, event.result)];
    case 'sample':
      return sampleLines(event, width);
    case 'note':
      return wrapText(event.message, width);
    case 'warning':
      return [`warning: ${event.message}`];
    case 'checkpoint':
    case 'end':
      return [];
  }
}

export function plainProgress(write: (text: string) => void): Progress {
  const print = (text: readonly string[]) => {
    for (const line of text) write(`${line}\n`);
  };
  return {
    onEvent: (event) => print(lines(event)),
    note: (line) => print([line]),
    end: () => {},
  };
}
