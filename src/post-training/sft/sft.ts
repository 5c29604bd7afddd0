// Supervised fine-tuning in a run folder: from a model that was trained before, or from scratch for a miniature.

import type { BackendName } from '../../backends/backend-names.ts';
import type { BackendOptions } from '../../backends/backends.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { createTokenizer } from '../../data/tokenizers/create-tokenizer.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import type { Task } from '../../evaluate/task.ts';
import { namedTask } from '../../evaluate/tasks/index.ts';
import type { ModelStore } from '../../runs/model-store.ts';
import type { RunStore } from '../../runs/run-store.ts';
import { findResumable } from '../../train/checkpointing.ts';
import type { ContinueOptions } from '../../train/continue-run.ts';
import type { TrainResult } from '../../train/events.ts';
import { inherit, openInitial } from '../../train/initial-model.ts';
import { parseRunSettings, type RunSettings } from '../../train/run-settings.ts';
import type { RunWatcher } from '../../train/run-watcher.ts';
import { type RunPlace, resumeRun, storeOf, train } from '../../train/trainer.ts';
import { miniatureModel } from '../miniature.ts';
import { chatTemplate, chatTemplateNames, chatTemplateOf } from './chat-template.ts';
import { prepareSft } from './prepare-sft.ts';
import { type RecordedSft, recordedSftOf, sftTrain, validateSft } from './sft-settings.ts';
import { type ConversationSet, type RawSource, sourceOfSet, sourceOfTask, textsOfSource } from './sources.ts';
import { usualSolution } from './task-samples.ts';

/** What a model is to learn from: conversations, a task, or both. */
export interface SftSamples {
  readonly conversations?: readonly ConversationSet[];
  /** Makes samples, and is measured before and after. */
  readonly task?: Task;
}

/** Options of a new run. */
export interface SftOptions extends SftSamples, RunPlace, RunWatcher {
  /** A run folder, a checkpoint, a Hugging Face folder, or a store with a model. Absent: `model` from scratch. */
  readonly init?: string | ModelStore;
  /** The shape of a model from scratch. Default: `miniatureModel`. */
  readonly model?: ModelConfig;
  /** The specification of the tokenizer of a model from scratch. Default: `chars`. */
  readonly tokenizer?: string;
  /** Name of a chat template. Default: that of the model, or `plain` for a task and `transcript` for conversations. */
  readonly template?: string;
  /** Kinds of samples of the task, with shares: see `parseSolutions`. Default: all steps. */
  readonly solutions?: string;
  /** The system prompt of the kinds that have one. Default `!`. */
  readonly system?: string;
  /** Samples made of the task. Default 16,000. With 0 the task is only measured, and conversations are learned. */
  readonly samples?: number;
  /** How often samples are seen. Default: 2, as in the report; 1 for a task alone, whose samples are many. */
  readonly epochs?: number;
  /**
   * How much the last token of an answer's text weighs in the loss, where each other token weighs 1: more than 1 for
   * answers that end with a verdict, such as those of `judgeConversations`. A whole number to 255. Default 1.
   */
  readonly verdictWeight?: number;
  /** End the run as soon as pass@1 of the task is at least this. */
  readonly stopAt?: number;
  /** Settings of every training run, over those of `sftTrain`; the number of steps follows from `epochs`. */
  readonly train?: Partial<TrainConfig>;
  readonly backend: BackendName;
  readonly backendOptions?: BackendOptions;
}

const usual = { system: '!', samples: 16_000, heldOutFraction: 0.05, tokenizer: 'chars' } as const;

/**
 * Trains a model on answers, in a new run folder like that of `train`. The checkpoints are chat models: they carry
 * the template. With a task, `measured` of the result says how well it was done before the first step and after the
 * last.
 *
 * Samples share rows and do not see each other; the loss is on answers alone, for the main model and the MTP modules
 * alike. The same options and backend give the same bits, and `resumeSft` carries an interrupted run on to them.
 *
 * Source: DeepSeek-V3, section 5.1: two epochs, cosine decay, several samples in a row with a mask.
 *
 * @throws {UserError} for samples without an answer, a template whose tokens the model lacks, samples that do not fit
 * the context, and invalid settings.
 */
export async function sft(options: SftOptions): Promise<TrainResult> {
  const { init, model: _shape, tokenizer: _spec, ...place } = options;
  const { conversations = [], task } = options;
  const { seed = 0, heldOutFraction = usual.heldOutFraction } = options.train ?? {};
  const wanted = recordOf(options);
  const sources = rawSources(options, wanted, heldOutFraction, seed);
  const start = await openStart(options, sources);
  const isTaskAlone = conversations.length === 0;
  const template = options.template ?? usualTemplate(start.tokenizer, isTaskAlone);
  const { encoded, longest, dataset, method } = prepareSft(
    { sources, task: task ?? null, recorded: { ...wanted, template: chatTemplate(template).name } },
    start.tokenizer,
  );
  const settings = sftTrain(longest, start.model, init === undefined, { ...options.train, heldOutFraction });
  const samples = dataset(encoded, settings);
  const epochs = options.epochs ?? (isTaskAlone ? 1 : 2);
  const { steps = Math.ceil(samples.rowsOf(epochs) / settings.batchSize) } = options.train ?? {};
  const { tokenizer: _name, ...others } = { ...settings, steps };
  const run = { ...place, dataset: samples, method };
  if (init !== undefined) return train({ ...run, init, train: others });
  return train({ ...run, model: start.model, train: { ...others, tokenizer: start.tokenizer.name } });
}

/** A run that is to go on: with the samples that it was started with. */
export interface ResumeSftOptions
  extends SftSamples,
    Omit<ContinueOptions, 'dataset' | 'documents' | 'method'>,
    RunPlace {}

/**
 * Carries a run of `sft` on from its newest checkpoint, on the same backend to the same bits as if it had never
 * stopped. A task of TinySeek's own need not be given again; conversations must be.
 *
 * @throws {UserError} for a run of another kind, and for other samples than those that it was started with.
 */
export async function resumeSft(options: ResumeSftOptions): Promise<TrainResult> {
  const store = await storeOf(options);
  const settings = parseRunSettings(await store.readSettings(), store.path);
  const recorded = recordedSftOf(settings, store.path);
  const task = options.task ?? (recorded.task === null ? null : namedTask(recorded.task));
  const given = { ...options, ...(task === null ? {} : { task }) };
  refuseOtherSamples(given, recorded, store.path);
  const { heldOutFraction, seed } = settings.train;
  const sources = rawSources(given, recorded, heldOutFraction, seed);
  const fresh = { ...given, template: recorded.template };
  const tokenizer = await tokenizerAgain(store, settings, sources, fresh, options.init);
  const { encoded, dataset, method } = prepareSft({ sources, task, recorded }, tokenizer);
  return resumeRun({ ...options, dataset: dataset(encoded, settings.train), method });
}

function recordOf(options: SftOptions): RecordedSft {
  const { conversations = [], task, system = usual.system, samples = usual.samples } = options;
  const { verdictWeight = 1, stopAt = null } = options;
  if (conversations.length === 0 && task === undefined) {
    throw new UserError(
      'sft: there is nothing to learn from; give conversations (--data chats.jsonl) or a task (--task chain)',
    );
  }
  return validateSft({
    template: '',
    task: task?.name ?? null,
    sets: conversations.map(({ name, weight = 1 }) => ({ name, weight })),
    solutions: task === undefined ? null : (options.solutions ?? usualSolution(task)),
    system,
    samples,
    verdictWeight,
    stopAt,
  });
}

/** The template that a model has already, or the one that suits its samples. */
function usualTemplate(tokenizer: Tokenizer, isTaskAlone: boolean): string {
  const own = chatTemplateOf(tokenizer);
  if (own !== null) return own.name;
  if (tokenizer.chatTemplate === undefined) return isTaskAlone ? 'plain' : 'transcript';
  throw new UserError(
    'sft: the model has a chat template of its own, which does not say here where answers begin and end; name one ' +
      `that takes its place: --template transcript (known are ${chatTemplateNames.join(', ')})`,
  );
}

function rawSources(
  { conversations = [], task }: SftSamples,
  { solutions, system, samples }: RecordedSft,
  heldOutFraction: number,
  seed: number,
): RawSource[] {
  return [
    ...conversations.map((set) => sourceOfSet(set, heldOutFraction, seed)),
    ...(task === undefined || solutions === null || samples === 0
      ? []
      : [sourceOfTask(task, { solutions, system, samples }, seed)]),
  ];
}

/** The shape and the tokenizer that a run starts with. */
async function openStart(
  options: Omit<SftOptions, 'backend'>,
  sources: readonly RawSource[],
): Promise<{ readonly model: ModelConfig; readonly tokenizer: Tokenizer }> {
  const { init, model = miniatureModel } = options;
  if (init === undefined) return { model, tokenizer: await tokenizerFor(options, sources) };
  const opened = await openInitial(init);
  try {
    const { config, tokenizer: own } = inherit(opened, { train: {} });
    return { model: config, tokenizer: own };
  } finally {
    opened.checkpoint.close();
  }
}

/** What decides the tokenizer of a model from scratch. */
type FreshKey = 'tokenizer' | 'template' | keyof SftSamples;

/** The tokenizer of a model from scratch; the characters of a task are known even where no sample has them. */
function tokenizerFor(
  { tokenizer = usual.tokenizer, template, task, conversations = [] }: Pick<SftOptions, FreshKey>,
  sources: readonly RawSource[],
): Promise<Tokenizer> {
  const asTranscript = conversations.length > 0 && template !== 'plain';
  const texts = sources.flatMap((source) => [...textsOfSource(source, asTranscript)]);
  return createTokenizer(tokenizer, () => (tokenizer === 'chars' ? [task?.alphabet ?? '', ...texts] : texts));
}

/** The tokenizer of the newest checkpoint, or, where there is none yet, the one that the run was started with. */
async function tokenizerAgain(
  store: RunStore,
  settings: RunSettings,
  sources: readonly RawSource[],
  samples: SftSamples & Pick<SftOptions, 'template'>,
  init: ModelStore | undefined,
): Promise<Tokenizer> {
  const kept = (await findResumable(store, settings))?.tokenizer;
  if (kept !== undefined && kept !== null) return kept;
  const spec = settings.train.tokenizer.replace(/ \(given\)$/, '');
  const from = init ?? settings.init?.path;
  const start = { ...samples, tokenizer: spec };
  return (await openStart(from === undefined ? start : { ...start, init: from }, sources)).tokenizer;
}

function refuseOtherSamples({ conversations = [], task }: SftSamples, recorded: RecordedSft, runDir: string): void {
  const sets = conversations.map(({ name, weight = 1 }) => ({ name, weight }));
  const show = (list: RecordedSft['sets'], name: string | null) =>
    [...list.map((set) => `${set.name}:${set.weight}`), ...(name === null ? [] : [name])].join(', ') || 'nothing';
  const [then, now] = [show(recorded.sets, recorded.task), show(sets, task?.name ?? null)];
  if (then === now) return;
  throw new UserError(
    `resume: ${runDir} was started with the samples of ${then}, and now there is ${now}; give the same`,
  );
}
