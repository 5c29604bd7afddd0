// `tinyseek train`: starts or resumes a run, shows its progress, and says what came of it.

import { basename, resolve } from 'node:path';
import { requireTrainable } from '../../config/presets.ts';
import { UserError } from '../../errors.ts';
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

/** A run that is ready to start. */
type Start = (watcher: Watcher) => Promise<TrainResult>;

async function prepareNewRun(options: TrainOptions): Promise<Start> {
  const { preset, model, train } = resolveOptions(options);
  requireTrainable(preset);
  const runDir = options.out ?? defaultRunDir(options, train.data);
  const { choice, trainer } = await loadTrainer(options);
  return (watcher) => trainer.train({ model, train, ...choice, runDir, ...watcher });
}

async function prepareRunFrom(options: TrainOptions, init: string): Promise<Start> {
  const { initWishes } = await import('../init-wishes.ts');
  const wishes = initWishes(options, init);
  const start = options.preset ?? basename(resolve(init));
  const runDir = options.out ?? defaultRunDir({ preset: start }, wishes.train.data);
  const { choice, trainer } = await loadTrainer(options);
  return (watcher) => trainer.train({ init, ...wishes, ...choice, runDir, ...watcher });
}

/** TF.js comes with these, so that a mistake in the settings is reported at once. */
async function loadTrainer(options: TrainOptions) {
  const { parseBackendFlags } = await import('../backend-option.ts');
  const choice = parseBackendFlags(options);
  return { choice, trainer: await import('../../train/trainer.ts') };
}

async function prepareResumedRun(options: TrainOptions, runDir: string): Promise<Start> {
  const { parseBackend, parseBackendOptions } = await import('../backend-option.ts');
  const { resumeWishes } = await import('../resume-wishes.ts');
  const { backend } = options;
  const wishes = await resumeWishes(options, runDir);
  const chosen = backend === undefined ? {} : { backend: parseBackend(backend) };
  const backendOptions = parseBackendOptions(options);
  const { resumeRun } = await import('../../train/trainer.ts');
  return (watcher) => resumeRun({ runDir, ...wishes, ...chosen, backendOptions, ...watcher });
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

function prepare(options: TrainOptions): Promise<Start> {
  const { init, resume, keepSchedule } = options;
  if (keepSchedule && resume === undefined) {
    throw new UserError('--keep-schedule: only for a run that goes on longer; give --resume DIR and --steps N as well');
  }
  if (resume !== undefined) return prepareResumedRun(options, resume);
  return init === undefined ? prepareNewRun(options) : prepareRunFrom(options, init);
}

/** Trains; an interrupted run has its own closing lines and exit code. */
export async function train(options: TrainOptions): Promise<CommandOutput> {
  const start = await prepare(options);
  const { result, brotliBitsPerByte } = await follow(start, createProgress());
  const { finished, ...json } = result;
  const closing = { result, brotliBitsPerByte, report: await writeReport([result.run]) };
  return finished
    ? { json, lines: closingLines(closing, outputWidth()) }
    : { json, lines: interruptedLines(closing, outputWidth()), exitCode: exitInterrupted };
}
