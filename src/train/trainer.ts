// Starting and resuming runs: the entry of everything in this folder.
//
// Events come in this order: `start`; `sample` (before); then per step `step`, `warning` on a loss spike, and what is
// due: `eval`, `sample`, `checkpoint`; after the last step `eval` on all held-out text, `sample` (after), `checkpoint`,
// `end`. After `start` comes a `warning` for anything odd that a resumed run found, and in any run for a backend
// that has no sparse dispatch, or that `auto` took for want of the engine.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateTrainConfig } from '../config/validate.ts';
import { createDataset } from '../data/dataset.ts';
import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { lockRun } from '../io/run-lock.ts';
import { activateBackend, type BackendName, type BackendOptions } from '../backends/backends.ts';
import { expertDispatch } from '../ops/routed-experts.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import { findResumable, refuseOtherData, restoreLearner } from './checkpointing.ts';
import type { TrainEvent, TrainResult } from './events.ts';
import { createLearner, disposeLearner, type LearnerParts } from './learner.ts';
import { newSettings, refuseUsedFolder } from './new-run.ts';
import type { Run } from './run.ts';
import { openRunLog } from './run-log.ts';
import { runToEnd } from './run-loop.ts';
import {
  type RunSettings,
  readRunSettings,
  refuseChanges,
  type SettingsOverrides,
  writeRunSettings,
} from './run-settings.ts';
import { planRun } from './schedules.ts';
import { initialState, type TrainerState } from './trainer-state.ts';

/** Who watches a run, and who may end it. */
export interface RunWatcher {
  /** Called in order, between steps; an error it throws ends the run. */
  readonly onEvent?: (event: TrainEvent) => void;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends RunWatcher {
  /** `vocabSize` and the special tokens are replaced by the tokenizer's. */
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: BackendName;
  /** Not recorded: results do not depend on them. */
  readonly backendOptions?: BackendOptions;
  /** Created; must be empty or not there. */
  readonly runDir: string;
  /** What a study replaces. Not recorded: a resumed run needs them again. */
  readonly parts?: LearnerParts;
}

/**
 * Trains a model from scratch in a new run folder: `run.json`, `metrics.jsonl`, `samples.jsonl`, `tensorboard/` and
 * `checkpoints/step-XXXXXXXX`, each of which is a Hugging Face model folder.
 *
 * The same settings, seed and backend give the same bits. An interrupted run is carried on by `resumeRun`.
 *
 * Throws a `UserError` for settings that cannot be, unusable data, a used folder, and values that stop being finite.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { runDir } = options;
  refuseUsedFolder(runDir);
  validateTrainConfig(options.train, options.model);
  const backend = await activateBackend(options.backend, options.backendOptions);
  refuseDensePrecision(backend, options.train);
  const dataset = await createDataset(options.train);
  const settings = newSettings(options, dataset, backend.name);
  const unlock = lockRun(runDir);
  try {
    refuseUsedFolder(runDir);
    writeRunSettings(runDir, settings);
    const { model, train } = settings;
    const state = initialState({ model: { ...model }, train: { ...train }, trainTokens: dataset.trainTokens });
    return await conduct(
      { settings, backend, dataset, state, checkpoint: null, warnings: activeWarnings(backend, model) },
      options,
    );
  } finally {
    unlock();
  }
}

export interface ResumeOptions extends RunWatcher {
  readonly runDir: string;
  /** Settings that were given again; one that differs from the run's is an error. */
  readonly overrides?: SettingsOverrides;
  /** Absent: the run's own. Another one goes on from the same weights, but not to the same bits. */
  readonly backend?: BackendName;
  /** Those of this session; results do not depend on them. */
  readonly backendOptions?: BackendOptions;
  /** Those the run was started with. */
  readonly parts?: LearnerParts;
}

/**
 * Carries a run on from its newest whole checkpoint to its planned end: on the same backend bit for bit as if it had
 * never stopped. A run that was finished already is only summed up again.
 *
 * Throws a `UserError` when the folder holds no run, another process uses it, no checkpoint is whole, or settings, text
 * or tokenizer are not those the run was started with.
 */
export async function resumeRun(options: ResumeOptions): Promise<TrainResult> {
  const { runDir } = options;
  const settings = readRunSettings(runDir);
  refuseChanges(settings, options.overrides ?? {}, runDir);
  const unlock = lockRun(runDir);
  try {
    const resumable = findResumable(runDir, settings);
    const backend = await activateBackend(options.backend ?? settings.backend, options.backendOptions);
    refuseDensePrecision(backend, settings.train);
    const dataset = await createDataset(settings.train);
    refuseOtherData(dataset, settings, resumable.state);
    const { state, path } = resumable;
    const warnings = [
      ...resumable.warnings,
      ...backendWarning(settings.backend, backend.name),
      ...activeWarnings(backend, settings.model),
    ];
    return await conduct({ settings, backend, dataset, state, checkpoint: path, warnings }, options);
  } finally {
    unlock();
  }
}

/** Experts in 8 bits need the host to read where tokens go, whatever kernels there are: an expert's rows share scales. */
function refuseDensePrecision({ name, canReadSync }: ActiveBackend, { precision }: TrainConfig): void {
  if (canReadSync || precision === 'float32') return;
  throw new UserError(
    `precision: ${precision} needs to read routing decisions while it computes, which backend ${name} cannot; ` +
      'take another (--backend engine), or leave precision at float32',
  );
}

/** What there is to say of the backend that computes. */
function activeWarnings(backend: ActiveBackend, model: ModelConfig): string[] {
  return [...(backend.warning === null ? [] : [backend.warning]), ...denseWarning(backend, model)];
}

/** Says what it costs that a backend cannot tell the host where tokens go. */
function denseWarning({ name }: ActiveBackend, { nRoutedExperts, numExpertsPerTok }: ModelConfig): string[] {
  if (expertDispatch() !== 'dense') return [];
  return [
    `backend ${name} cannot read routing decisions while it computes, so every token visits all ${nRoutedExperts} experts, ` +
      `with gate 0 where it was not sent: the same result as sparse dispatch at ${nRoutedExperts / numExpertsPerTok} times its arithmetic`,
  ];
}

function backendWarning(recorded: BackendName, now: BackendName): string[] {
  if (recorded === now) return [];
  return [`the run was started on backend ${recorded}; on ${now} it goes on, but not bit for bit as there`];
}

interface Beginning {
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
  { runDir, parts, onEvent, signal }: RunWatcher & Pick<TrainOptions, 'runDir' | 'parts'>,
) {
  const { settings, backend, dataset, state, checkpoint, warnings } = beginning;
  const log = openRunLog(runDir, state.step);
  const learner = createLearner(settings, parts);
  const offset = state.seconds - performance.now() / 1000;
  const run: Run = {
    runDir,
    settings,
    dataset,
    learner,
    plan: planRun(settings.train),
    log,
    emit: onEvent ?? (() => {}),
    signal,
    seconds: () => offset + performance.now() / 1000,
    state,
    saved: checkpoint === null ? null : { path: checkpoint, state },
  };
  try {
    if (checkpoint !== null) restoreLearner(learner, checkpoint, state.step);
    announce(run, backend, warnings);
    return await runToEnd(run);
  } finally {
    log.close();
    disposeLearner(learner);
  }
}

function announce(run: Run, backend: ActiveBackend, warnings: readonly string[]): void {
  const { model, train, parameters, activeParameters, brotliBitsPerByte } = run.settings;
  run.emit({
    type: 'start',
    runDir: run.runDir,
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
  for (const message of warnings) run.emit({ type: 'warning', message });
}
