// A run from where it stands to its end, with its progress on the screen, and what came of it.

import type { DataProgress } from '../../data/progress.ts';
import type { TrainEvent, TrainResult } from '../../train/events.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { writeReport } from '../write-report.ts';
import { closingLines, interruptedLines } from './closing.ts';
import type { Ending } from './measured-closing.ts';
import { createProgress, type Progress } from './progress.ts';

interface Watcher {
  readonly onEvent: (event: TrainEvent) => void;
  readonly onPrepare: (progress: DataProgress) => void;
  readonly signal: AbortSignal;
}

/** A run that is ready to start. */
export type Start = (watcher: Watcher) => Promise<TrainResult>;

/** Runs to the end or to the first interrupt; a second one ends the process. */
async function runToEnd(start: Start, progress: Progress): Promise<{ result: TrainResult; brotliBitsPerByte: number }> {
  const abort = new AbortController();
  let brotliBitsPerByte = Number.NaN;
  const stopListening = onInterrupt(process, {
    first: () => {
      abort.abort();
      progress.note('Stopping after this step, with a checkpoint. Press Ctrl-C again to stop at once, without one.');
    },
    second: () => process.exit(exitInterrupted),
  });
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'start') brotliBitsPerByte = event.brotliBitsPerByte ?? Number.NaN;
    progress.onEvent(event);
  };
  try {
    const result = await start({ onEvent, onPrepare: progress.onPrepare, signal: abort.signal });
    return { result, brotliBitsPerByte };
  } finally {
    stopListening();
    progress.end();
  }
}

const trainingEnding: Ending = {
  lines: closingLines,
  interrupted: interruptedLines,
  json: ({ result: { finished: _, ...json } }) => json,
};

/** Trains; an interrupted run has its own closing lines and exit code. */
export async function followRun(start: Start, ending: Ending = trainingEnding): Promise<CommandOutput> {
  const { result, brotliBitsPerByte } = await runToEnd(start, createProgress());
  ending.keep?.(result);
  const closing = { result, brotliBitsPerByte, report: await writeReport([result.run]) };
  const json = ending.json(closing);
  return result.finished
    ? { json, lines: ending.lines(closing, outputWidth()) }
    : { json, lines: ending.interrupted(closing, outputWidth()), exitCode: exitInterrupted };
}
