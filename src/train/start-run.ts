// Starting a run in an empty store, on any host.

import type { BackendName } from '../backends/backend-names.ts';
import { activateBackend, type BackendOptions } from '../backends/backends.ts';
import { roundingOfBackend } from '../backends/rounding.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { withVocabulary } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateTrainConfig } from '../config/validate.ts';
import type { Tokenizer } from '../data/types.ts';
import { nextTurn } from '../event-loop.ts';
import type { ModelStore } from '../runs/model-store.ts';
import type { RunStore } from '../runs/run-store.ts';
import { version } from '../version.ts';
import { activeWarnings, refuseDensePrecision } from './backend-remarks.ts';
import { type ConductOptions, conduct } from './conduct.ts';
import { dataSha256 } from './data-hash.ts';
import type { TrainResult } from './events.ts';
import { host } from './host.ts';
import { type ContextSettings, describeInheritance, type Inheritance, inherit, openInitial } from './initial-model.ts';
import { newSettings } from './new-settings.ts';
import { type OwnData, openData, recordedTrain, refuseOtherTokenizer } from './own-data.ts';
import { andRelease } from './release.ts';
import { initialState } from './trainer-state.ts';

/** A model with weights drawn from the seed. */
export interface FromScratch {
  readonly init?: never;
  /** `vocabSize` and the special tokens are replaced by the tokenizer's. */
  readonly model: ModelConfig;
  readonly train: TrainConfig;
}

/** A model that was trained before, to be trained with a new optimizer on any text. */
export interface FromModel {
  /**
   * A run folder (its newest checkpoint), a checkpoint, a Hugging Face `deepseek_v3` folder, or a store with a model.
   */
  readonly init: string | ModelStore;
  /**
   * The shape is that of the folder. Settings given here must agree with it; only more MTP modules may be asked for,
   * which start fresh.
   */
  readonly model?: Partial<ModelConfig>;
  /** A longer context for the model, as `extendContext` makes it; absent: the model's own. */
  readonly context?: ContextSettings;
  /** The tokenizer is that of the folder; if one is given, it must be the same. */
  readonly train: Omit<TrainConfig, 'tokenizer'> & { readonly tokenizer?: string };
}

export interface StartCommon extends ConductOptions, OwnData {
  readonly backend: BackendName;
  /** Not recorded: results do not depend on them. */
  readonly backendOptions?: BackendOptions;
}

/** Options of a new run. */
export type StartOptions = StartCommon & (FromScratch | FromModel);

/** What a run starts with: from scratch, or from a model that has been opened. */
interface Origin {
  readonly train: TrainConfig;
  readonly inheritance: Inheritance | null;
  /** The shape of the model with a given tokenizer. */
  readonly modelFor: (tokenizer: Tokenizer) => ModelConfig;
}

/** Trains from step 0 in an unused store. */
export async function startRun(store: RunStore, options: StartOptions): Promise<TrainResult> {
  await store.refuseUsed();
  if (options.init === undefined) {
    const { model, train } = options;
    validateTrainConfig(train, model);
    return begin(store, options, {
      train: recordedTrain(train, options),
      inheritance: null,
      modelFor: (tokenizer) => withVocabulary(model, tokenizer),
    });
  }
  const opened = await openInitial(options.init);
  try {
    const inheritance = inherit(opened, options);
    const { name: tokenizer } = inheritance.tokenizer;
    const train = { ...recordedTrain({ ...options.train, tokenizer }, options), tokenizer };
    validateTrainConfig(train, inheritance.config);
    return await begin(store, options, { train, inheritance, modelFor: () => inheritance.config });
  } finally {
    opened.checkpoint.close();
  }
}

async function begin(store: RunStore, options: StartOptions, origin: Origin): Promise<TrainResult> {
  const { train, inheritance } = origin;
  const backend = await activateBackend(options.backend, options.backendOptions);
  refuseDensePrecision(backend, train);
  const dataset = await openData(train, { ...options, ...tokenizerOf(options, inheritance) });
  await nextTurn(); // training a tokenizer takes a while
  if (inheritance !== null) refuseOtherTokenizer(dataset.tokenizer, inheritance.tokenizer, `init: ${inheritance.path}`);
  const init = inheritance && { path: inheritance.path, sha256: await inheritance.checkpoint.weightsSha256() };
  const { method } = options;
  const settings = newSettings({
    name: store.name,
    version,
    model: origin.modelFor(dataset.tokenizer),
    train,
    backend: backend.name,
    rounding: roundingOfBackend(backend),
    brotliBitsPerByte: host().brotliBitsPerByte(dataset),
    dataSha256: await dataSha256(dataset),
    ...(init === null ? {} : { init }),
    ...(method === undefined ? {} : { method: { name: method.name, settings: method.settings } }),
  });
  const release = await store.claim();
  const go = async () => {
    await store.refuseUsed();
    await store.writeSettings(settings);
    const state = initialState(settings, dataset.trainTokens);
    const notes = [
      ...(inheritance === null ? describeTokenizer(dataset.tokenizer) : describeInheritance(inheritance, settings)),
      ...(dataset.notes ?? []),
    ];
    const warnings = [...activeWarnings(backend, settings.model), ...(dataset.warnings ?? [])];
    const beginning = { settings, backend, dataset, state, checkpoint: null, inheritance, notes, warnings };
    return conduct(store, beginning, options);
  };
  return andRelease(go, release);
}

/** A note on tokens that the file of a tokenizer lacked. */
function describeTokenizer({ name, completedWith = [] }: Tokenizer): string[] {
  if (completedWith.length === 0) return [];
  return [`The tokenizer ${name} lacks special tokens; added after its last id: ${completedWith.join(' ')}.`];
}

/** The tokenizer of the model that the run starts from, unless the caller gave a tokenizer or a dataset. */
function tokenizerOf(own: OwnData, inheritance: Inheritance | null): Pick<OwnData, 'tokenizer'> {
  const isGiven = own.tokenizer !== undefined || own.dataset !== undefined;
  return inheritance === null || isGiven ? {} : { tokenizer: inheritance.tokenizer };
}
