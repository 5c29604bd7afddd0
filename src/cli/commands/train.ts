// `tinyseek train`: starts or resumes a run, shows its progress, and says what came of it.

import { basename, resolve } from 'node:path';
import { requireTrainable } from '../../config/presets.ts';
import { UserError } from '../../errors.ts';
import { backendOptions, parseBackend, parseBackendFlags, parseBackendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import type { Start } from '../progress/follow-run.ts';
import { defaultRunDir, runOptions } from '../run-options.ts';

const trainOptions = [
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

type TrainFlags = OptionsOf<typeof trainOptions>;

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
    const start = await prepare(options);
    const { followRun } = await import('../progress/follow-run.ts');
    return followRun(start);
  },
});

async function prepareNewRun(options: TrainFlags): Promise<Start> {
  const { resolveOptions } = await import('../config-file.ts');
  const { preset, model, train } = resolveOptions(options);
  requireTrainable(preset);
  const runDir = options.out ?? defaultRunDir(options, train.data);
  const { choice, trainer } = await loadTrainer(options);
  return (watcher) => trainer.train({ model, train, ...choice, runDir, ...watcher });
}

async function prepareRunFrom(options: TrainFlags, init: string): Promise<Start> {
  const { initWishes } = await import('../init-wishes.ts');
  const wishes = initWishes(options, init);
  const start = options.preset ?? basename(resolve(init));
  const runDir = options.out ?? defaultRunDir({ preset: start }, wishes.train.data);
  const { choice, trainer } = await loadTrainer(options);
  return (watcher) => trainer.train({ init, ...wishes, ...choice, runDir, ...watcher });
}

/** TF.js comes with these, so that a mistake in the settings is reported at once. */
async function loadTrainer(options: TrainFlags) {
  const choice = parseBackendFlags(options);
  return { choice, trainer: await import('../../train/trainer.ts') };
}

async function prepareResumedRun(options: TrainFlags, runDir: string): Promise<Start> {
  const { resumeWishes } = await import('../resume-wishes.ts');
  const { backend, dataChanged = false } = options;
  const wishes = await resumeWishes(options, runDir);
  const chosen = backend === undefined ? {} : { backend: parseBackend(backend) };
  const backendOptions = parseBackendOptions(options);
  const { resumeRun } = await import('../../train/trainer.ts');
  return (watcher) => resumeRun({ runDir, ...wishes, ...chosen, dataChanged, backendOptions, ...watcher });
}

function prepare(options: TrainFlags): Promise<Start> {
  const { init, resume, keepSchedule, dataChanged } = options;
  if (keepSchedule && resume === undefined) {
    throw new UserError('--keep-schedule: only for a run that goes on longer; give --resume DIR and --steps N as well');
  }
  if (dataChanged && resume === undefined) {
    throw new UserError('--data-changed: only for a run that goes on; give --resume DIR as well');
  }
  if (resume !== undefined) return prepareResumedRun(options, resume);
  return init === undefined ? prepareNewRun(options) : prepareRunFrom(options, init);
}
