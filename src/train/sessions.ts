// Starting a run in a store and carrying one on, on any host: the entry of everything in this folder.
//
// Events come in this order: `start`; `sample` (before); then per step `step`, `warning` on a loss spike, and what is
// due: `eval`, `sample`, `checkpoint`; after the last step `eval` on all held-out text, `sample` (after), `checkpoint`,
// `end`. After `start` comes a `warning` for anything odd that a resumed run found, and in any run for a backend
// that has no sparse dispatch, or that `auto` took for want of the engine.

import type { BackendName } from '../backends/backend-names.ts';
import type { BackendOptions } from '../backends/backends.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateTrainConfig } from '../config/validate.ts';
import type { Dataset } from '../data/types.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import { activeWarnings, backendWarning, refuseDensePrecision } from './backend-remarks.ts';
import { findResumable, refuseOtherData, restoreLearner } from './checkpointing.ts';
import type { TrainEvent, TrainResult } from './events.ts';
import type { Host } from './host.ts';
import { openData, openDataAgain, type OwnData, recordedTrain } from './own-data.ts';
import { startClock } from './clock.ts';
import { createLearner, disposeLearner, type LearnerParts } from './learner.ts';
import { newSettings } from './new-settings.ts';
import type { PauseController } from './pause.ts';
import type { Run } from './run.ts';
import { runToEnd } from './run-loop.ts';
import { parseRunSettings, type RunSettings, refuseChanges, type SettingsOverrides } from './run-settings.ts';
import { planRun } from './schedules.ts';
import { initialState, type TrainerState } from './trainer-state.ts';

/** Who watches a run, and who may end it. */
export interface RunWatcher {
  /** Called in order, between steps. The run waits for a promise it returns; an error it throws ends the run. */
  readonly onEvent?: (event: TrainEvent) => unknown;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Holds the run between steps, and lets it go on. */
  readonly pause?: PauseController;
}

/** A run that is to begin. */
export interface StartOptions extends RunWatcher, OwnData {
  /** `vocabSize` and the special tokens are replaced by the tokenizer's. */
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: BackendName;
  /** Not recorded: results do not depend on them. */
  readonly backendOptions?: BackendOptions;
  /** What a study replaces. Not recorded: a resumed run needs them again. */
  readonly parts?: LearnerParts;
}

/** A run that is to go on. */
export interface ContinueOptions extends RunWatcher, OwnData {
  /** Settings that were given again; one that differs from the run's is an error. */
  readonly overrides?: SettingsOverrides;
  /** Absent: the run's own. Another one goes on from the same weights, but not to the same bits. */
  readonly backend?: BackendName;
  /** Those of this session; results do not depend on them. */
  readonly backendOptions?: BackendOptions;
  /** Those the run was started with. */
  readonly parts?: LearnerParts;
}

/** Trains from scratch in an unused store. */
export async function startRun(store: RunStore, options: StartOptions, host: Host): Promise<TrainResult> {
  await store.refuseUsed();
  validateTrainConfig(options.train, options.model);
  const backend = await host.activateBackend(options.backend, options.backendOptions);
  refuseDensePrecision(backend, options.train);
  const dataset = await openData(options.train, options, host);
  const settings = newSettings(
    {
      name: store.name,
      version: host.version,
      model: options.model,
      train: recordedTrain(options.train, options),
      backend: backend.name,
      brotliBitsPerByte: host.brotliBitsPerByte(dataset),
    },
    dataset,
  );
  return claimed(store, async () => {
    await store.refuseUsed();
    await store.writeSettings(settings);
    const { model, train } = settings;
    const state = initialState({ model: { ...model }, train: { ...train }, trainTokens: dataset.trainTokens });
    const warnings = activeWarnings(backend, model);
    return conduct({ store, settings, backend, dataset, state, checkpoint: null, warnings }, options, host);
  });
}

/** Carries the run of a store on from its newest whole checkpoint. */
export async function continueRun(store: RunStore, options: ContinueOptions, host: Host): Promise<TrainResult> {
  const settings = parseRunSettings(await store.readSettings(), store.path);
  refuseChanges(settings, options.overrides ?? {}, store.path);
  return claimed(store, async () => {
    const resumable = await findResumable(store, settings);
    const backend = await host.activateBackend(options.backend ?? settings.backend, options.backendOptions);
    refuseDensePrecision(backend, settings.train);
    const dataset = await openDataAgain(settings, options, resumable.tokenizerJson, host);
    refuseOtherData(dataset, settings, resumable.state);
    const { state, path } = resumable;
    const warnings = [
      ...resumable.warnings,
      ...backendWarning(settings.backend, backend.name),
      ...activeWarnings(backend, settings.model),
    ];
    return conduct({ store, settings, backend, dataset, state, checkpoint: path, warnings }, options, host);
  });
}

async function claimed<T>(store: RunStore, action: () => Promise<T>): Promise<T> {
  const release = await store.claim();
  try {
    return await action();
  } finally {
    await release();
  }
}

interface Beginning {
  readonly store: RunStore;
  readonly settings: RunSettings;
  readonly backend: ActiveBackend;
  readonly dataset: Dataset;
  readonly state: TrainerState;
  /** The checkpoint to start from, null for a new run. */
  readonly checkpoint: string | null;
  readonly warnings: readonly string[];
}

/** Builds the model, runs the loop, and cleans up whatever happens. */
async function conduct(
  beginning: Beginning,
  options: RunWatcher & Pick<StartOptions, 'parts'>,
  host: Host,
): Promise<TrainResult> {
  const { store, settings, backend, dataset, state, checkpoint, warnings } = beginning;
  const log = await store.openLog(state.step);
  const learner = createLearner(settings, options.parts);
  const clock = startClock(state.seconds);
  const { onEvent, signal, pause } = options;
  const run: Run = {
    store,
    settings,
    dataset,
    learner,
    plan: planRun(settings.train),
    log,
    emit: async (event) => void (await onEvent?.(event)),
    signal,
    clock,
    rest: async () => {
      await host.nextTurn();
      if (pause?.isPaused) await clock.during(pause.passed(signal));
    },
    state,
    saved: checkpoint === null ? null : { path: checkpoint, state },
  };
  try {
    if (checkpoint !== null) await restoreLearner(learner, store, checkpoint, state.step);
    await announce(run, backend, warnings);
    return await runToEnd(run);
  } finally {
    await log.close();
    disposeLearner(learner);
  }
}

async function announce(run: Run, backend: ActiveBackend, warnings: readonly string[]): Promise<void> {
  const { model, train, parameters, activeParameters, brotliBitsPerByte } = run.settings;
  await run.emit({
    type: 'start',
    runDir: run.store.path,
    model,
    train,
    backend: backend.name,
    threads: backend.threads,
    engineVariant: backend.engineVariant,
    parameters,
    activeParameters,
    trainTokens: run.dataset.trainTokens,
    brotliBitsPerByte,
    startStep: run.state.step,
  });
  for (const message of warnings) await run.emit({ type: 'warning', message });
}
