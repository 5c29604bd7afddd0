// How far the preparation of a text is, for whoever waits for it.

import { nextTurn } from '../event-loop.ts';

export interface DataProgress {
  readonly stage: 'reading' | 'training the tokenizer' | 'tokenizing';
  /** Characters of text, or merges of the tokenizer. */
  readonly done: number;
  /** Null where it is not known beforehand. */
  readonly total: number | null;
}

export type OnProgress = (progress: DataProgress) => void;

/** Timers, sockets and signals are served this often, in milliseconds. */
const breath = 50;

/** Counts what is done in one stage, tells it, and gives the event loop its turns. */
export function startStage(
  stage: DataProgress['stage'],
  total: number | null,
  onProgress: OnProgress | undefined,
): (more: number) => Promise<void> {
  let done = 0;
  let breathedAt = performance.now();
  return async (more) => {
    done += more;
    onProgress?.({ stage, done, total });
    if (performance.now() - breathedAt < breath) return;
    await nextTurn();
    breathedAt = performance.now();
  };
}
