// `tinyseek extend`: a longer context for a trained model, in stages, each of which is a run of its own.

import { basename, resolve } from 'node:path';
import type { ModelConfig, RopeScaling } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { UserError } from '../../errors.ts';
import type { ExtensionPlanOptions } from '../../long-context/plan-extension.ts';
import { backendOptions, parseBackendFlags } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, jsonOption, specHelp } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import { invocation } from '../invocation.ts';
import type { CommandOutput } from '../output.ts';
import { wholeNumber } from '../run-options.ts';

const extendOptions = [
  { flags: '--factor <n>', help: 'how many times longer the context becomes, for example 4' },
  { flags: '--stages <n>', help: 'training runs at growing lengths (default: 2, as in the report)' },
  { flags: '--lengths <list>', help: 'tokens of a row in each stage, for example 512,2048 (default: equal ratios)' },
  { flags: '--type <name>', help: 'yarn, or linear for position interpolation, a control (default: yarn)' },
  { flags: '--mix', help: 'every second step on rows of the old length, for what short texts need' },
  { flags: '--steps <n>', help: 'optimizer steps of each stage (default: 50)' },
  { flags: '--learning-rate <x>', help: 'default: the one that training ended with' },
  { flags: '--data <spec>', help: `${specHelp} (default: the text of the run)` },
  { flags: '--seed <n>', help: 'seed of the data order (default: that of the run)' },
  ...backendOptions(),
  { flags: '--out <dir>', help: 'run folder of the last stage (default: runs/<checkpoint>-context-<tokens>)' },
  jsonOption,
] as const;

type ExtendFlags = OptionsOf<typeof extendOptions>;

export const extendCommand = defineCommand({
  name: 'extend',
  summary: 'give a trained model a longer context',
  description: `Extends the context of a model by YaRN, as the report does, and tunes it at growing lengths on its own text.
Each stage is a run folder; the same command goes on where it stopped.`,
  arguments: [checkpointArgument],
  options: extendOptions,
  examples: [
    ['extend runs/first --factor 4', 'four times the context, in two stages'],
    ['extend runs/first --factor 40 --lengths 1024,4096', "the report's ratios"],
    ['extend runs/first --factor 4 --stages 1 --mix', 'one stage, short rows in between'],
  ],
  run: async (checkpoint, options) => {
    const { checkpointFolder } = await import('../open-model.ts');
    const init = checkpointFolder(checkpoint);
    const { config, trained } = await readModel(init, options);
    const { planExtension } = await import('../../long-context/plan-extension.ts');
    const stages = planExtension(config, trained, planOptions(options));
    const choice = parseBackendFlags(options);
    const longest = stages.at(-1)?.context.maxPositionEmbeddings ?? 0;
    const out = options.out ?? `runs/${basename(resolve(checkpoint))}-context-${longest}`;
    const { runStage, stageFolders } = await import('../../long-context/run-stage.ts');
    const { followRun } = await import('../progress/follow-run.ts');
    const lines: CommandOutput['lines'][number][] = [];
    let from = init;
    for (const [i, runDir] of stageFolders(out, stages.length).entries()) {
      const stage = stages[i]!;
      const start = from;
      const done = await followRun((watcher) => runStage(stage, { init: start, runDir, ...choice, ...watcher }));
      const title = `Stage ${i + 1} of ${stages.length}, ${stage.train.seqLen} tokens:`;
      lines.push(...(i === 0 ? [] : ['']), title, ...done.lines);
      if (done.exitCode !== undefined || i === stages.length - 1) return { ...done, lines };
      from = checkpointFolder(runDir);
    }
    throw new Error('internal: an extension without stages');
  },
});

/** The shape of the model, and the settings it was trained with. */
async function readModel(path: string, { data }: ExtendFlags): Promise<{ config: ModelConfig; trained: TrainConfig }> {
  const { readCheckpoint } = await import('../../io/read-checkpoint.ts');
  const { folderConfig } = await import('../../io/folder-config.ts');
  const { trainedOn } = await import('../trained-data.ts');
  const opened = readCheckpoint(path);
  try {
    const { config } = folderConfig(opened);
    const { trainerState } = opened;
    const trained = trainedOn({ path, config, trainerState }, data, 'extend');
    // A folder from elsewhere does not say how long its rows were: its context stands for that.
    return { config, trained: trainerState === null ? { ...trained, seqLen: config.maxPositionEmbeddings } : trained };
  } finally {
    opened.close();
  }
}

function planOptions(options: ExtendFlags): ExtensionPlanOptions {
  const { factor, stages, lengths, type, mix, steps, learningRate, seed } = options;
  if (factor === undefined)
    throw new UserError(`extend: how many times longer? For example \`${invocation()} extend CHECKPOINT --factor 4\``);
  if (stages !== undefined && lengths !== undefined)
    throw new UserError('extend: --lengths names one length for each stage; leave --stages out');
  return {
    factor: positiveNumber('--factor', factor),
    ...(stages === undefined ? {} : { stages: wholeNumber('--stages', stages) }),
    ...(lengths === undefined ? {} : { lengths: lengths.split(',').map((length) => wholeNumber('--lengths', length)) }),
    ...(type === undefined ? {} : { type: parseType(type) }),
    mixLengths: mix === true,
    trainChanges: {
      ...(steps === undefined ? {} : { steps: wholeNumber('--steps', steps) }),
      ...(learningRate === undefined ? {} : { learningRate: positiveNumber('--learning-rate', learningRate) }),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    },
  };
}

function positiveNumber(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UserError(`${option}: expected a number above 0, found ${JSON.stringify(text)}`);
}

function parseType(text: string): RopeScaling['type'] {
  if (text === 'yarn' || text === 'linear') return text;
  throw new UserError(`--type: expected yarn or linear, found ${JSON.stringify(text)}`);
}
