// `tinyseek grpo`: reinforcement learning from a rule, with its progress, and what came of it.

import { basename, resolve } from 'node:path';
import { namedSettings } from '../../config/resolve.ts';
import { defaultTrainConfig } from '../../config/train-presets.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { UserError } from '../../errors.ts';
import { defaultGrpoConfig, defaultGrpoTrain, type GrpoConfig } from '../../post-training/grpo/config.ts';
import type { GrpoProblems } from '../../post-training/grpo/grpo.ts';
import { backendOptions, parseBackendFlags, parseBackendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { collect, jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import type { Start } from '../progress/follow-run.ts';
import { defaultRunDir } from '../run-options.ts';

const { prompts, group, clip, beta, temperature, updates } = defaultGrpoConfig;

const grpoOptions = [
  { flags: '--task <spec>', help: 'what the problems are: a task and its options, such as chain:operations=5' },
  {
    flags: '--reward <spec>',
    help: 'correct, concise, boxed, brevity, vote, judge:RUN, a .ts or .js file, or a sum: correct,brevity:0.3 (default: correct)',
  },
  { flags: '--system <text>', help: 'a system prompt before each problem' },
  { flags: '--prompts <n>', help: `problems of a step (default: ${prompts})` },
  { flags: '--group <n>', help: `answers to each problem (default: ${group})` },
  { flags: '--steps <n>', help: `steps of the whole run (default: ${defaultGrpoTrain.steps})` },
  { flags: '--lr <rate>', help: `learning rate (default: ${defaultGrpoTrain.learningRate})` },
  { flags: '--max-new-tokens <n>', help: 'most tokens of an answer (default: those of the longest solution)' },
  {
    flags: '--beta <x>',
    help: `weight of the divergence from the model at the start (default: ${beta}; 0: no reference)`,
  },
  { flags: '--clip <x>', help: `how far a ratio may be from 1 (default: ${clip})` },
  { flags: '--temperature <x>', help: `of the answers (default: ${temperature})` },
  { flags: '--updates <n>', help: `updates that the answers of a step are divided over (default: ${updates})` },
  { flags: '--level <name>', choices: ['token', 'sequence'], help: 'what has a ratio (default: token)' },
  {
    flags: '--advantage <name>',
    choices: ['group', 'mean', 'reward', 'critic'],
    help: 'group: GRPO; mean: no division by the deviation; reward: no baseline; critic: PPO (default: group)',
  },
  { flags: '--mean-over <name>', choices: ['answer', 'token'], help: 'what the loss is a mean of (default: answer)' },
  { flags: '--seed <n>', help: 'seed of the problems and the answers (default: 0)' },
  { flags: '--set <key=value>', help: 'change another setting of the run; can be repeated', parse: collect },
  { flags: '--out <dir>', help: 'run folder (default: runs/<checkpoint>-<task>-<time>)' },
  {
    flags: '--resume <dir>',
    help: 'carry on with the run in this folder',
    conflicts: ['out', 'task', 'reward', 'system'],
  },
  ...backendOptions('auto; resuming: that of the run'),
  jsonOption,
] as const;

type GrpoFlags = OptionsOf<typeof grpoOptions>;

export const grpoCommand = defineCommand({
  name: 'grpo',
  summary: 'reinforcement learning from a rule (GRPO)',
  description: `Lets a model answer problems, several times each, and learn from which answers a rule calls right: GRPO, without a
critic. The checkpoint must solve some of the problems already. Ctrl-C writes a checkpoint and says how to go on.`,
  arguments: [{ syntax: '[checkpoint]', help: 'checkpoint folder, or a run folder for its newest checkpoint' }],
  options: grpoOptions,
  examples: [
    ['grpo runs/sft --task chain', '40 steps of 16 problems with 8 answers each'],
    ['grpo runs/sft --task chain --reward correct,brevity:0.3', 'right answers, rather short ones'],
    ['grpo runs/sft --task chain --reward reward.ts', 'a reward of your own'],
    ['grpo --resume runs/sft-chain-20250101-120000', 'carry on where a run stopped'],
  ],
  run: async (checkpoint, options) => {
    const start =
      options.resume === undefined ? await prepare(checkpoint, options) : await prepareAgain(checkpoint, options);
    const { followRun } = await import('../progress/follow-run.ts');
    const { measuredClosing } = await import('../progress/measured-closing.ts');
    return followRun(start, measuredClosing('grpo'));
  },
});

async function prepare(init: string | undefined, options: GrpoFlags): Promise<Start> {
  if (init === undefined) throw new UserError('grpo: expected a checkpoint to start from, or --resume DIR');
  if (options.task === undefined) throw new UserError('grpo: expected a task; give --task, such as --task chain');
  const settings = { grpo: grpoSettings(options), train: trainSettings(options) };
  const choice = parseBackendFlags(options);
  const { loadTask } = await import('../../evaluate/load-task.ts');
  const { parseReward } = await import('../rewards.ts');
  const task = await loadTask(options.task);
  const rewardName = options.reward ?? 'correct';
  const reward = await parseReward(rewardName, task);
  const runDir = options.out ?? defaultRunDir({ preset: basename(resolve(init)) }, task.name.replaceAll(':', '-'));
  const { grpo } = await import('../../post-training/grpo/grpo.ts');
  const encode = await promptsOf(init);
  const system = options.system === undefined ? {} : { system: options.system };
  return (watcher) =>
    grpo({ init, encode, task, reward, rewardName, ...system, ...settings, ...choice, runDir, ...watcher });
}

async function prepareAgain(init: string | undefined, options: GrpoFlags): Promise<Start> {
  const { resume = '', json: _json, threads: _threads, engineVariant: _variant, ...others } = options;
  const extra = [
    ...(init === undefined ? [] : ['a checkpoint']),
    ...Object.keys(others).map((name) => `--${kebab(name)}`),
  ];
  if (extra.length > 0) {
    throw new UserError(`grpo: a run is carried on as it was started; leave out ${extra.join(', ')}`);
  }
  const { folderStore } = await import('../../runs/folder-store.ts');
  const { readGrpoRun } = await import('../../post-training/grpo/recorded.ts');
  const { loadTask } = await import('../../evaluate/load-task.ts');
  const { parseReward } = await import('../rewards.ts');
  const store = folderStore(resume);
  const recorded = await readGrpoRun(store);
  const task = await loadTask(recorded.task);
  const reward = await parseReward(recorded.reward, task);
  const backendOptions = parseBackendOptions(options);
  const { resumeGrpo } = await import('../../post-training/grpo/grpo.ts');
  const encode = await promptsOf(recorded.init.path);
  const system = recorded.system === undefined ? {} : { system: recorded.system };
  return (watcher) =>
    resumeGrpo({ store, encode, task, reward, rewardName: recorded.reward, ...system, backendOptions, ...watcher });
}

/** Prompts as the checkpoint wants them: through its chat template, or as the beginning of a document. */
async function promptsOf(init: string): Promise<NonNullable<GrpoProblems['encode']>> {
  const { checkpointFolder } = await import('../open-model.ts');
  const { promptEncoder } = await import('../evaluate-tasks.ts');
  const path = checkpointFolder(init);
  return (tokenizer, system) => {
    const opened = promptEncoder({ path, tokenizer }, system);
    return async (problem) => (await opened)(problem);
  };
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The settings of GRPO that were given. */
function grpoSettings(options: GrpoFlags): Partial<GrpoConfig> {
  const numbers = ['prompts', 'group', 'maxNewTokens', 'temperature', 'clip', 'beta', 'updates'] as const;
  const { level, advantage, meanOver } = options;
  return {
    ...Object.fromEntries(
      numbers.flatMap((key) => (options[key] === undefined ? [] : [[key, numberOf(key, options[key])]])),
    ),
    ...(level === undefined ? {} : { level }),
    ...(advantage === undefined ? {} : { advantage }),
    ...(meanOver === undefined ? {} : { meanOver }),
  };
}

function numberOf(key: string, text: string): number {
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  throw new UserError(`--${kebab(key)}: expected a number, found ${JSON.stringify(text)}`);
}

/** What other options decide. */
const decided: Readonly<Record<string, string>> = {
  data: '--task',
  batchSize: '--prompts and --group',
  seqLen: '--max-new-tokens and the task',
  tokenizer: 'the checkpoint',
};

/** The settings of a training run that were given. */
function trainSettings({ steps, lr, seed, set = [] }: GrpoFlags): Partial<TrainConfig> {
  const short = { steps, learningRate: lr, seed };
  const given = Object.entries(short).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  const named = namedSettings({ set: [...set, ...given] });
  for (const key of named.keys()) {
    if (Object.hasOwn(decided, key)) throw new UserError(`--set ${key}: it follows from ${decided[key]}; leave it out`);
    if (Object.hasOwn(defaultTrainConfig, key)) continue;
    throw new UserError(`--set ${key}: the checkpoint decides the shape of the model; leave it out`);
  }
  return Object.fromEntries(named);
}
