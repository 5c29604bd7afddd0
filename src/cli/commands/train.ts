// `tinyseek train`: starts or resumes a run, shows its progress, and says what came of it.

import { requireTrainable } from '../../config/presets.ts';
import type { TrainEvent, TrainResult } from '../../train/events.ts';
import { resolveOptions } from '../config-file.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { closingLines, interruptedLines } from '../progress/closing.ts';
import { createProgress, type Progress } from '../progress/progress.ts';
import { defaultRunDir, type TrainOptions } from '../run-options.ts';
import { writeReport } from './report.ts';

interface Watcher {
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal;
}

/** A run that has only to be started. */
type Start = (watcher: Watcher) => Promise<TrainResult>;

async function prepareNewRun(options: TrainOptions): Promise<Start> {
  const { preset, model, train } = resolveOptions(options);
  requireTrainable(preset);
  const runDir = options.out ?? defaultRunDir(options, train.data);
  // TF.js comes with these, so that a mistake in the settings is reported at once.
  const { parseBackendFlags } = await import('../backend-option.ts');
  const choice = parseBackendFlags(options);
  const trainer = await import('../../train/trainer.ts');
  return (watcher) => trainer.train({ model, train, ...choice, runDir, ...watcher });
}

async function prepareResumedRun(options: TrainOptions, runDir: string): Promise<Start> {
  const { parseBackend, parseBackendOptions } = await import('../backend-option.ts');
  const { resumeOverrides } = await import('../resume-overrides.ts');
  const { backend } = options;
  const overrides = await resumeOverrides(options, runDir);
  const chosen = backend === undefined ? {} : { backend: parseBackend(backend) };
  const backendOptions = parseBackendOptions(options);
  const { resumeRun } = await import('../../train/trainer.ts');
  return (watcher) => resumeRun({ runDir, overrides, ...chosen, backendOptions, ...watcher });
}

/** Runs to the end or to the first interrupt; a second one ends the process. */
async function follow(start: Start, progress: Progress): Promise<{ result: TrainResult; brotliBitsPerByte: number }> {
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
    const result = await start({ onEvent, signal: abort.signal });
    return { result, brotliBitsPerByte };
  } finally {
    stopListening();
    progress.end();
  }
}

/** Trains; an interrupted run has its own closing lines and exit code. */
export async function train(options: TrainOptions): Promise<CommandOutput> {
  const { resume } = options;
  const start = await (resume === undefined ? prepareNewRun(options) : prepareResumedRun(options, resume));
  const { result, brotliBitsPerByte } = await follow(start, createProgress());
  const { finished, ...json } = result;
  const closing = { result, brotliBitsPerByte, report: writeReport([result.run]) };
  return finished
    ? { json, lines: closingLines(closing, outputWidth()) }
    : { json, lines: interruptedLines(closing, outputWidth()), exitCode: exitInterrupted };
}
