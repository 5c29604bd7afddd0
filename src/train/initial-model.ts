// Starting from a model that was trained before. The run takes over its weights and balancing biases, its shape and its
// tokenizer, and begins at step 0 with a new optimizer and any text.

import { fromHuggingFaceConfig } from '../config/huggingface.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes } from '../config/parameter-shapes.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { folderTokenizer } from '../generate/folder-tokenizer.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import { folderConfig } from '../io/folder-config.ts';
import { fromHfTensors } from '../io/hf-tensors.ts';
import { isJsonObject } from '../io/json.ts';
import type { TensorSource } from '../io/tensor-source.ts';
import type { ModelStore } from '../runs/model-store.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { host } from './host.ts';
import type { Learner } from './learner.ts';
import type { InitialModel, RunSettings } from './run-settings.ts';

/** An open model, and where it was found. */
export interface OpenedModel {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly warnings: readonly string[];
}

/** Opens the model to start from; the caller closes its checkpoint. */
export async function openInitial(init: string | ModelStore): Promise<OpenedModel> {
  if (typeof init !== 'string') return { path: init.path, checkpoint: await init.openModel(), warnings: [] };
  const { folders } = host();
  if (folders !== null) return folders.openModel(init);
  throw new UserError(`init: there are no folders here to open ${init} from; give a store with a model`);
}

/**
 * Opens the model again that a run was started from, if there is one; it is a `UserError` if that model has changed.
 */
export async function openAgain(
  recorded: InitialModel | undefined,
  given: ModelStore | undefined,
): Promise<OpenedModel | null> {
  if (recorded === undefined) return null;
  const opened = await openInitial(given ?? recorded.path);
  const found = await opened.checkpoint.weightsSha256();
  if (found === recorded.sha256) return { ...opened, path: recorded.path };
  opened.checkpoint.close();
  throw new UserError(
    `resume: the run was started from the weights of ${recorded.path} and had no checkpoint yet; they have changed since ` +
      `(SHA-256 ${found.slice(0, 12)}, then ${recorded.sha256.slice(0, 12)}); put them back, or start a new run`,
  );
}

/** What a run takes over from a model. */
export interface Inheritance {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  /** The weights of the model, read from the checkpoint. */
  readonly tensors: TensorSource;
  /** The tokenizer; its name is the specification that it was made from, if that is known. */
  readonly tokenizer: Tokenizer;
  /** MTP modules that the model has; those that `config` has beyond them start from fresh weights. */
  readonly mtpModules: number;
  /** Warnings about the place where the model was found, and notes on its files. */
  readonly warnings: readonly string[];
}

/** Settings that the caller asks for; the model must have all of them. */
export interface Wishes {
  readonly model?: Partial<ModelConfig>;
  /** A specification of the tokenizer. */
  readonly train: { readonly tokenizer?: string };
  /** Positions in place of those of the model. */
  readonly context?: ContextSettings;
}

/** How long a context is and how positions reach that far: the settings of a model that belong to no weight. */
export type ContextSettings = Pick<ModelConfig, 'maxPositionEmbeddings' | 'ropeScaling'>;

function contextOf({ maxPositionEmbeddings, ropeScaling }: ContextSettings): ContextSettings {
  return { maxPositionEmbeddings, ropeScaling };
}

/** Settings that the tokenizer decides, whatever is asked for. */
const vocabularyKeys: ReadonlySet<string> = new Set(['vocabSize', 'bosTokenId', 'eosTokenId']);

/**
 * The shape and the tokenizer of a model to start from.
 *
 * All settings must agree, with two exceptions: the caller may ask for more MTP modules than the folder has, and for
 * another context.
 *
 * @throws UserError that names both sides for every setting that the folder has differently.
 */
export function inherit({ path, checkpoint, warnings }: OpenedModel, wishes: Wishes): Inheritance {
  const claimed = fromHuggingFaceConfig(checkpoint.hfConfig).numNextnPredictLayers;
  const { config: found, model: tensors, notes } = folderConfig(checkpoint);
  const tokenizerSpec = specOf(checkpoint) ?? `file:${path}/tokenizer.json`;
  const { tokenizer: own, notes: tokenNotes } = folderTokenizer(path, checkpoint, found);
  const tokenizer = { ...own, name: tokenizerSpec };
  const mtpModules = found.numNextnPredictLayers;
  const depth = wishes.model?.numNextnPredictLayers ?? claimed;
  const config: ModelConfig = {
    ...found,
    ...contextOf(wishes.context ?? found),
    numNextnPredictLayers: Math.max(depth, mtpModules),
    bosTokenId: tokenizer.bosTokenId,
    eosTokenId: tokenizer.eosTokenId,
  };
  refuseOtherShape(path, config, wishes.model ?? {});
  refuseOtherSpec(path, tokenizer, wishes.train.tokenizer);
  return { path, checkpoint, config, tensors, tokenizer, mtpModules, warnings: [...warnings, ...notes, ...tokenNotes] };
}

function refuseOtherShape(path: string, config: ModelConfig, asked: Partial<ModelConfig>): void {
  const known: ReadonlyMap<string, unknown> = new Map(Object.entries(config));
  const differences = Object.entries(asked)
    .filter(([key, value]) => !vocabularyKeys.has(key) && JSON.stringify(value) !== JSON.stringify(known.get(key)))
    .map(
      ([key, value]) => `${key} is ${JSON.stringify(known.get(key))} there, and ${JSON.stringify(value)} was asked for`,
    );
  if (differences.length === 0) return;
  throw new UserError(
    `init: the model in ${path} has another shape: ${differences.join(', ')}; ` +
      'leave these settings out to take its shape, or start from scratch',
  );
}

/** The specification of the tokenizer that the trainer recorded; null for a folder from elsewhere. */
function specOf({ trainerState }: Checkpoint): string | null {
  const train = trainerState?.train;
  return isJsonObject(train) && typeof train.tokenizer === 'string' ? train.tokenizer : null;
}

function refuseOtherSpec(path: string, { name, vocabSize }: Tokenizer, asked: string | undefined): void {
  if (asked === undefined || asked === name) return;
  throw new UserError(
    `init: the model in ${path} has the tokenizer ${name} (${vocabSize} tokens), and ${asked} was asked for; ` +
      'leave the tokenizer out to take its own, or start from scratch',
  );
}

/** What a run takes over when it is started again; `model` is the shape that it has recorded. */
export function inheritAgain(opened: OpenedModel, model: ModelConfig): Inheritance {
  return inherit(opened, { model, train: {}, context: model });
}

/** Notes on where the weights of a run come from. */
export function describeInheritance(
  { path, checkpoint, config, mtpModules }: Inheritance,
  { init }: Pick<RunSettings, 'init'>,
): string[] {
  const wanted = config.numNextnPredictLayers;
  const own = fromHuggingFaceConfig(checkpoint.hfConfig);
  return [
    `Starting from the weights of ${path} (SHA-256 ${init?.sha256.slice(0, 12)}), with a new optimizer, at step 0.`,
    ...(wanted === mtpModules
      ? []
      : [`MTP modules: ${path} has ${mtpModules}, the model is to have ${wanted}; the rest start from fresh weights.`]),
    ...(JSON.stringify(contextOf(own)) === JSON.stringify(contextOf(config)) ? [] : [describeContext(config, own)]),
  ];
}

function describeContext({ maxPositionEmbeddings, ropeScaling }: ContextSettings, before: ContextSettings): string {
  const names = { yarn: 'YaRN', linear: 'position interpolation' };
  const how =
    ropeScaling === null
      ? 'by positions that simply go on'
      : `by ${names[ropeScaling.type]}, factor ${ropeScaling.factor} from ${ropeScaling.originalMaxPositionEmbeddings}`;
  return `Context: ${maxPositionEmbeddings} tokens, ${how}; the model's own was ${before.maxPositionEmbeddings}.`;
}

/**
 * Puts the weights and biases of a model into a learner, which keeps its own where the model has none. Returns
 * warnings.
 */
export async function inheritWeights(learner: Learner, inheritance: Inheritance): Promise<string[]> {
  const { config, mtpModules } = inheritance;
  const { model, average } = learner;
  const isFresh = ({ name }: { readonly name: string }) => isBeyond(name, config.numHiddenLayers + mtpModules);
  // A study may have replaced those of the config.
  const own = Array.from(model.parameters, ([name, { shape }]) => ({ name, shape }));
  const expected = [...own, ...bufferShapes(config)].filter((tensor) => !isFresh(tensor));
  const { tensors, warnings } = fromHfTensors(
    inheritance.tensors,
    { ...config, numNextnPredictLayers: mtpModules },
    expected,
  );
  const fresh = mtpModules < config.numNextnPredictLayers ? (await model.exportTensors()).filter(isFresh) : [];
  model.importTensors(chain(tensors, fresh));
  average?.restart();
  return [...inheritance.warnings, ...warnings];
}

/** Whether a tensor is of layer `first` or a later one. */
function isBeyond(name: string, first: number): boolean {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  return layer !== undefined && Number(layer) >= first;
}

function* chain(...lists: readonly Iterable<NamedTensor>[]): Generator<NamedTensor> {
  for (const list of lists) yield* list;
}
