// `tinyseek train`: starts or resumes a run, shows its progress, and says what came of it.

import { basename, resolve } from 'node:path';
import { requireTrainable } from '../../config/presets.ts';
import { UserError } from '../../errors.ts';
import type { TrainResult } from '../../train/events.ts';
import type { ResumeOptions, TrainOptions } from '../../train/trainer.ts';
import { backendOptions, parseBackend, parseBackendFlags, parseBackendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import type { Start } from '../progress/follow-run.ts';
import { defaultRunDir, runOptions } from '../run-options.ts';

/** The options of a run that is started or resumed. */
export const trainOptions = [
  ...runOptions,
  ...backendOptions('auto; resuming: that of the run'),
  { flags: '--out <dir>', help: 'run folder (default: runs/<preset>-<data>-<time>)' },
  {
    flags: '--init <dir>',
    help: 'start from the weights of a run, a checkpoint or a Hugging Face folder, not from scratch',
  },
  {
    flags: '--resume <dir>',
    help: 'carry on with the run in this folder, to its planned end, or with --steps to another',
    conflicts: ['out', 'init'],
  },
  {
    flags: '--keep-schedule',
    help: 'with --resume and --steps: let the last learning rate go on, rather than lay the schedules anew',
  },
  {
    flags: '--data-changed',
    help: 'with --resume: go on though the text is not the one that the run was trained on',
  },
  jsonOption,
] as const;

export type TrainFlags = OptionsOf<typeof trainOptions>;

export const trainCommand = defineCommand({
  name: 'train',
  summary: 'train a model',
  description: `Trains a model and writes a run folder: metrics, checkpoints (Hugging Face deepseek_v3 model folders) and a report.
Ctrl-C writes a checkpoint and says how to go on.`,
  options: trainOptions,
  examples: [
    ['train', 'the quick start: preset tiny on Moby Dick'],
    ['train --data notes.txt --steps 500', 'your own text'],
    ['train --preset mini --data moby-dick:2,code:1 --set balancing=none', 'two corpora mixed, no balancing'],
    ['train --resume runs/first', 'carry on where a run stopped'],
    ['train --resume runs/first --steps 600', 'go on longer'],
    ['train --init runs/first --data notes.txt', 'its weights, your text'],
  ],
  run: async (options) => {
    const start = await prepareRun(options, () => import('../../train/trainer.ts'));
    const { followRun } = await import('../progress/follow-run.ts');
    return followRun(start);
  },
});

/** What carries out a run: `train/trainer.ts`, or another that takes the same. */
export interface Trainer {
  readonly train: (options: TrainOptions) => Promise<TrainResult>;
  readonly resumeRun: (options: ResumeOptions) => Promise<TrainResult>;
}

/** Imports it; TF.js comes with it, so that a mistake in the settings is reported at once. */
export type LoadTrainer = () => Promise<Trainer>;

async function prepareNewRun(options: TrainFlags, load: LoadTrainer): Promise<Start> {
  const { resolveOptions } = await import('../config-file.ts');
  const { preset, model, train } = resolveOptions(options);
  requireTrainable(preset);
  const runDir = options.out ?? defaultRunDir(options, train.data);
  const choice = parseBackendFlags(options);
  const trainer = await load();
  return (watcher) => trainer.train({ model, train, ...choice, runDir, ...watcher });
}

async function prepareRunFrom(options: TrainFlags, init: string, load: LoadTrainer): Promise<Start> {
  const { initWishes } = await import('../init-wishes.ts');
  const wishes = initWishes(options, init);
  const start = options.preset ?? basename(resolve(init));
  const runDir = options.out ?? defaultRunDir({ preset: start }, wishes.train.data);
  const choice = parseBackendFlags(options);
  const trainer = await load();
  return (watcher) => trainer.train({ init, ...wishes, ...choice, runDir, ...watcher });
}

async function prepareResumedRun(options: TrainFlags, runDir: string, load: LoadTrainer): Promise<Start> {
  const { resumeWishes } = await import('../resume-wishes.ts');
  const { backend, dataChanged = false } = options;
  const wishes = await resumeWishes(options, runDir);
  const chosen = backend === undefined ? {} : { backend: parseBackend(backend) };
  const backendOptions = parseBackendOptions(options);
  const trainer = await load();
  return (watcher) => trainer.resumeRun({ runDir, ...wishes, ...chosen, dataChanged, backendOptions, ...watcher });
}

/** A run as the options say, ready to start. */
export function prepareRun(options: TrainFlags, load: LoadTrainer): Promise<Start> {
  const { init, resume, keepSchedule, dataChanged } = options;
  if (keepSchedule && resume === undefined) {
    throw new UserError('--keep-schedule: only for a run that goes on longer; give --resume DIR and --steps N as well');
  }
  if (dataChanged && resume === undefined) {
    throw new UserError('--data-changed: only for a run that goes on; give --resume DIR as well');
  }
  if (resume !== undefined) return prepareResumedRun(options, resume, load);
  return init === undefined ? prepareNewRun(options, load) : prepareRunFrom(options, init, load);
}
