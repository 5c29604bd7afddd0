// `tinyseek sft`: supervised fine-tuning of a checkpoint, or of a miniature from scratch.

import { basename, resolve } from 'node:path';
import { UserError } from '../../errors.ts';
import type { ResumeSftOptions, SftOptions } from '../../post-training/sft/sft.ts';
import type { TrainResult } from '../../train/events.ts';
import { backendOptions, parseBackend, parseBackendFlags, parseBackendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { collect, jsonOption } from '../common-options.ts';
import type { OptionsOf } from '../declared-types.ts';
import type { Start } from '../progress/follow-run.ts';
import { defaultRunDir, wholeNumber } from '../run-options.ts';
import { parseNumber } from '../sampling-options.ts';

const sftOptions = [
  {
    flags: '--data <spec>',
    help: 'conversations: chats.jsonl, chats.jsonl:2,more/*.csv (a weight of 2: twice an epoch)',
  },
  {
    flags: '--task <spec>',
    help: 'make samples from a task, and measure it: chain, addition:digits=2, a file of problems',
  },
  {
    flags: '--solutions <list>',
    help: 'kinds of samples of the task with their shares: steps@system:0.5,direct:0.5 (default: steps)',
  },
  { flags: '--system <text>', help: 'the system prompt of the kinds with @system (default: !)' },
  {
    flags: '--samples <n>',
    help: 'samples made from the task; 0 learns from --data and measures the task (default: 16000)',
  },
  { flags: '--template <name>', help: 'plain, transcript or deepseek (default: that of the model)' },
  { flags: '--epochs <n>', help: 'how often samples are seen (default: 2, or 1 for a task alone)' },
  { flags: '--steps <n>', help: 'optimizer steps, in place of epochs' },
  {
    flags: '--verdict-weight <n>',
    help: 'how much the last token of an answer weighs, such as 8 for judges (default: 1)',
  },
  { flags: '--stop-at <x>', help: 'end as soon as pass@1 of the task is at least this, such as 0.4' },
  { flags: '--preset <name>', help: 'without a checkpoint: the shape of the model (default: a miniature, 64 wide)' },
  { flags: '--tokenizer <spec>', help: 'without a checkpoint: the tokenizer (default: chars)' },
  { flags: '--batch-size <n>', help: 'rows per step' },
  { flags: '--seq-len <n>', help: 'tokens per row (default: as the longest sample needs)' },
  { flags: '--seed <n>', help: 'seed of the weights and of the order of samples' },
  { flags: '--set <key=value>', help: 'change one setting; can be repeated', parse: collect },
  { flags: '--out <dir>', help: 'run folder (default: runs/sft-<model>-<samples>-<time>)' },
  { flags: '--resume <dir>', help: 'carry on with the run in this folder', conflicts: ['out'] },
  ...backendOptions('auto; resuming: that of the run'),
  jsonOption,
] as const;

type SftFlags = OptionsOf<typeof sftOptions>;

export const sftCommand = defineCommand({
  name: 'sft',
  summary: 'fine-tune a model on answers',
  description: `Trains a checkpoint on conversations or on the solutions of a task: the loss is on answers alone, and samples that
share a row do not see each other. The run folder is like that of train, and its checkpoints are chat models. Without a
checkpoint a miniature is trained from scratch.`,
  arguments: [{ syntax: '[checkpoint]', help: 'what to start from: a run, a checkpoint or a Hugging Face folder' }],
  options: sftOptions,
  examples: [
    ['sft runs/first --data chats.jsonl', 'conversations, one a line'],
    ['sft --task chain', 'a miniature from scratch that writes its steps'],
    ['sft --task chain --stop-at 0.4', 'as far as reinforcement learning needs'],
    ['sft --resume runs/chats', 'carry on where a run stopped'],
  ],
  run: async (checkpoint, options) => {
    const start = await (options.resume === undefined
      ? prepare(checkpoint, options)
      : prepareAgain(checkpoint, options, options.resume));
    const { followRun } = await import('../progress/follow-run.ts');
    const { measuredClosing } = await import('../progress/measured-closing.ts');
    return followRun(start, { ...measuredClosing('sft'), json: ({ result }) => withMeasured(result) });
  },
});

/** Train's object, with what was measured as `before` and `after`; null where there was no task. */
function withMeasured({ measured, finished: _, ...result }: TrainResult): object {
  return { ...result, before: measured?.before ?? null, after: measured?.after ?? null };
}

async function prepare(init: string | undefined, flags: SftFlags): Promise<Start> {
  const samples = await readSamples(flags);
  const { model, train } = await settingsOf(init, flags);
  const options: Omit<SftOptions, 'backend'> = {
    ...samples,
    ...model,
    ...(init === undefined ? {} : { init }),
    ...given('template', flags.template),
    ...given('solutions', flags.solutions),
    ...given('system', flags.system),
    ...given('samples', flags.samples === '0' ? 0 : count('--samples', flags.samples)),
    ...given('epochs', count('--epochs', flags.epochs)),
    ...given('verdictWeight', count('--verdict-weight', flags.verdictWeight)),
    ...given('stopAt', flags.stopAt === undefined ? undefined : parseNumber('--stop-at', flags.stopAt)),
    train,
  };
  const from = init === undefined ? (flags.preset ?? 'miniature') : basename(resolve(init));
  const runDir = flags.out ?? defaultRunDir({ preset: `sft-${from}` }, flags.data ?? flags.task ?? '');
  const choice = parseBackendFlags(flags);
  const { sft } = await import('../../post-training/sft/sft.ts');
  return (watcher) => sft({ ...options, ...choice, runDir, ...watcher });
}

async function prepareAgain(init: string | undefined, flags: SftFlags, runDir: string): Promise<Start> {
  if (init !== undefined) throw new UserError('--resume: carries on a run; leave the checkpoint out');
  const { folderStore } = await import('../../runs/folder-store.ts');
  const { parseRunSettings } = await import('../../train/run-settings.ts');
  const { recordedSftOf } = await import('../../post-training/sft/sft-settings.ts');
  const { sets, task } = recordedSftOf(parseRunSettings(await folderStore(runDir).readSettings(), runDir), runDir);
  const data = sets.map(({ name, weight }) => `${JSON.stringify(name)}:${weight}`).join(',');
  const again = { ...(data === '' ? {} : { data }), ...(task === null ? {} : { task }) };
  const samples = await readSamples({ ...again, ...flags });
  const steps = count('--steps', flags.steps);
  const options: ResumeSftOptions = {
    ...samples,
    ...given('steps', steps),
    ...(flags.backend === undefined ? {} : { backend: parseBackend(flags.backend) }),
    backendOptions: parseBackendOptions(flags),
    runDir,
  };
  const { resumeSft } = await import('../../post-training/sft/sft.ts');
  return (watcher) => resumeSft({ ...options, ...watcher });
}

async function readSamples({ data, task }: Pick<SftFlags, 'data' | 'task'>) {
  const { loadConversations } = await import('../../data/corpora/load-conversations.ts');
  const { loadTask } = await import('../../evaluate/load-task.ts');
  const found = data === undefined ? [] : await loadConversations(data);
  const conversations = found.map(({ name, weight, rows }) => ({ name, weight, conversations: rows }));
  return {
    ...(data === undefined ? {} : { conversations }),
    ...(task === undefined ? {} : { task: await loadTask(task) }),
  };
}

/** The settings that are named, of the model where it is made from scratch and of the training. */
async function settingsOf(init: string | undefined, flags: SftFlags) {
  const { namedSettings, resolveRunConfig } = await import('../../config/resolve.ts');
  const { miniatureModel } = await import('../../post-training/miniature.ts');
  const { shapeOf } = await import('../init-wishes.ts');
  if (init !== undefined && (flags.preset ?? flags.tokenizer) !== undefined) {
    throw new UserError(
      'sft: --preset and --tokenizer are for a model from scratch; leave out the checkpoint, or them',
    );
  }
  const { steps, batchSize, seqLen, seed } = flags;
  const short = Object.entries({ steps, batchSize, seqLen, seed }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${value}`],
  );
  const set = [...(flags.set ?? []), ...short];
  const named = namedSettings({ set });
  const shape = init !== undefined ? shapeOf(init) : flags.preset === undefined ? miniatureModel : null;
  const { model, train } = resolveRunConfig({ ...given('preset', flags.preset), file: { ...shape }, set });
  const pick = (all: object) => Object.fromEntries(Object.entries(all).filter(([key]) => named.has(key)));
  if (init === undefined) return { model: { model, ...given('tokenizer', flags.tokenizer) }, train: pick(train) };
  const [key] = Object.keys(pick(model));
  if (key === undefined) return { model: {}, train: pick(train) };
  throw new UserError(`--set ${key}: the shape is that of the checkpoint; leave it out, or start from scratch`);
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

function count(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(flag, text);
}
