// Progress of what comes before the first step: reading the text, training the tokenizer, tokenizing.

import type { DataProgress } from '../../data/progress.ts';
import { formatCount } from '../terminal/format.ts';
import { createLiveBlock } from '../terminal/live-block.ts';
import { type Output, print } from '../terminal/print.ts';

/** What is being done, and how far it is. */
export function preparationLine({ stage, done, total }: DataProgress): string {
  const name = `${stage.charAt(0).toUpperCase()}${stage.slice(1)}`;
  if (stage === 'training the tokenizer') return `${name}: ${done} of ${total} merges`;
  if (total === null || total === 0) return `${name}: ${formatCount(done)} characters`;
  return `${name}: ${Math.min(100, Math.floor((100 * done) / total))} % of ${formatCount(total)} characters`;
}

/** Milliseconds between two lines on a terminal; in a log, and before its first line. */
const pause = { terminal: 200, log: 10_000 } as const;

/** A function that calls `show` at most once in so many milliseconds, the first time after as many. */
export function throttled<T>(
  milliseconds: number,
  show: (value: T) => void,
  now: () => number = () => performance.now(),
): (value: T) => void {
  let shownAt = now();
  return (value) => {
    if (now() - shownAt < milliseconds) return;
    shownAt = now();
    show(value);
  };
}

/** A line in a log every now and then, if it takes so long. */
export function logPreparation(stream: Output, now?: () => number): (progress: DataProgress) => void {
  return throttled(pause.log, (progress) => print(stream, [preparationLine(progress)]), now);
}

export interface Preparation {
  readonly onProgress: (progress: DataProgress) => void;
  /** Prints what was found out about the text, and leaves the terminal as it was. */
  end(remarks: readonly string[]): void;
}

/** Follows the preparation of a text for a command that does nothing else meanwhile. */
export function followPreparation(stream: Output = process.stderr): Preparation {
  if (stream.isTTY !== true || process.env.TERM === 'dumb') {
    return { onProgress: logPreparation(stream), end: (remarks) => print(stream, remarks) };
  }
  const block = createLiveBlock(stream);
  return {
    onProgress: throttled(pause.terminal, (progress) => block.draw([preparationLine(progress)])),
    end: (remarks) => {
      block.draw([]);
      block.end();
      print(stream, remarks);
    },
  };
}
