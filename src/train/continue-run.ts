// Carrying on the run of a store, on any host: from its newest whole checkpoint, or from step 0 if it has none yet.

import type { BackendName } from '../backends/backend-names.ts';
import { activateBackend, type BackendOptions } from '../backends/backends.ts';
import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { ModelStore } from '../runs/model-store.ts';
import type { RunStore } from '../runs/run-store.ts';
import { activeWarnings, backendWarning, refuseDensePrecision, roundingWarning } from './backend-remarks.ts';
import { findResumable, type Resumable } from './checkpointing.ts';
import { type ConductOptions, conduct } from './conduct.ts';
import { type ChangedData, compareData } from './data-changes.ts';
import { dataSha256 } from './data-hash.ts';
import type { TrainResult } from './events.ts';
import { changeLength, type NewLength } from './go-on-longer.ts';
import { describeInheritance, type Inheritance, inheritAgain, type OpenedModel, openAgain } from './initial-model.ts';
import { refuseOtherMethod } from './method.ts';
import { type OwnData, openDataAgain } from './own-data.ts';
import { andRelease } from './release.ts';
import { parseRunSettings, type RunSettings, refuseChanges, type SettingsOverrides } from './run-settings.ts';
import { initialState, type TrainerState } from './trainer-state.ts';

/** Options of a run that is to go on. */
export interface ContinueOptions extends ConductOptions, OwnData, NewLength, ChangedData {
  /** Settings that were given again; one that differs from the run's is an error. */
  readonly overrides?: SettingsOverrides;
  /** Absent: the run's own. With another backend the run goes on from the same weights, but not with the same bits. */
  readonly backend?: BackendName;
  /** Options of the backend from now on; results do not depend on them. */
  readonly backendOptions?: BackendOptions;
  /** The store the run was started from, if it has no checkpoint yet; a folder is found again by itself. */
  readonly init?: ModelStore;
}

/** Carries the run of a store on to its planned end, or to another one. */
export async function continueRun(store: RunStore, options: ContinueOptions): Promise<TrainResult> {
  const settings = parseRunSettings(await store.readSettings(), store.path);
  refuseOtherMethod(settings, options.method, store.path);
  refuseChanges(settings, options.overrides ?? {}, store.path);
  if (options.init !== undefined && settings.init === undefined) {
    throw new UserError('resume: the run was not started from another model; leave init out');
  }
  const release = await store.claim();
  const go = async () => {
    const resumable = await findResumable(store, settings);
    const opened = resumable === null ? await openAgain(settings.init, options.init) : null;
    try {
      return await goOn(store, settings, resumable, opened, options);
    } finally {
      opened?.checkpoint.close();
    }
  };
  return andRelease(go, release);
}

async function goOn(
  store: RunStore,
  recorded: RunSettings,
  resumable: Resumable | null,
  opened: OpenedModel | null,
  options: ContinueOptions,
): Promise<TrainResult> {
  const done = resumable?.state.step ?? 0;
  const { settings: planned, notes } = changeLength(recorded, options, done);
  const backend = await activateBackend(options.backend ?? planned.backend, {
    rounding: planned.rounding ?? null,
    ...options.backendOptions,
  });
  refuseDensePrecision(backend, planned.train);
  const kept = resumable?.tokenizer ?? (opened === null ? null : inheritAgain(opened, planned.model).tokenizer);
  const dataset = await openDataAgain(planned, options, kept);
  const found = { dataset, sha256: await dataSha256(dataset) };
  const { settings, remarks } = compareData(planned, found, { ...options, state: resumable?.state ?? null });
  if (settings !== recorded) await store.writeSettings(settings);
  const inheritance = opened === null ? null : inheritAgain(opened, settings.model);
  const beginning = {
    settings,
    backend,
    dataset,
    state:
      resumable === null ? initialState(settings, dataset.trainTokens) : stateUnder(settings, resumable.state, dataset),
    checkpoint: resumable?.path ?? null,
    inheritance,
    notes: [...(resumable === null ? startedAgain(inheritance, settings) : []), ...notes],
    warnings: [
      ...remarks,
      // What was found in the text was said when the run began.
      ...(remarks.length === 0 ? [] : (dataset.warnings ?? [])),
      ...(resumable?.warnings ?? []),
      ...backendWarning(settings.backend, backend.name),
      ...roundingWarning(settings.rounding, backend),
      ...activeWarnings(backend, settings.model),
    ],
  };
  return conduct(store, beginning, options);
}

function startedAgain(inheritance: Inheritance | null, settings: RunSettings): string[] {
  return [
    'The run had no checkpoint yet: it starts again at step 0, with the settings and the seed it was started with.',
    ...(inheritance === null ? [] : describeInheritance(inheritance, settings)),
  ];
}

/** The state of a checkpoint, adapted to a run whose planned end may have changed since. */
function stateUnder({ train }: RunSettings, recorded: TrainerState, { trainTokens }: Dataset): TrainerState {
  const state = { ...recorded, trainTokens };
  if (state.train.steps === train.steps) return state;
  // The evaluation at this step may have read a part of the held-out text; the last one of a run reads all of it.
  const evaluatedStep = state.step === train.steps ? -1 : state.evaluatedStep;
  return { ...state, train: { ...train }, evaluatedStep };
}
