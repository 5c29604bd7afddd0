// A run from its beginning, wherever that is, to its end: builds the model, runs the loop, cleans up whatever happens.
//
// Events come in this order: `start`; `note`s about where the weights come from and what became of the plan, and
// `warning`s about anything odd that was found on the way; `sample` (before training); then for each step `change`
// where settings were changed before it, `step`, `warning` on a loss spike, and whichever of `eval`, `sample` and
// `checkpoint` are due; after the last step `eval` on all held-out text, `sample` (after training), `checkpoint`,
// `end`.

import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { nextTurn } from '../event-loop.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import { restoreLearner } from './checkpointing.ts';
import { startClock } from './clock.ts';
import type { TrainResult } from './events.ts';
import { limitGroups } from './follow-changes.ts';
import { type Inheritance, inheritWeights } from './initial-model.ts';
import { createLearner, disposeLearner, type LearnerParts } from './learner.ts';
import { planOf, settingsAt } from './live-settings.ts';
import type { TrainingMethod } from './method.ts';
import { andRelease } from './release.ts';
import type { Run } from './run.ts';
import { runToEnd } from './run-loop.ts';
import type { RunSettings } from './run-settings.ts';
import type { RunWatcher } from './run-watcher.ts';
import { ownSteps, type StartStepper } from './stepper.ts';
import type { TrainerState } from './trainer-state.ts';

/** Where a run begins. */
export interface Beginning {
  readonly settings: RunSettings;
  readonly backend: ActiveBackend;
  readonly dataset: Dataset;
  readonly state: TrainerState;
  /** Where the weights come from: a checkpoint of this run, another model, or, if both are null, the seed. */
  readonly checkpoint: string | null;
  readonly inheritance: Inheritance | null;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export interface ConductOptions extends RunWatcher {
  /** Parts of the learner that a study replaces. They are not recorded, so a resumed run must be given them again. */
  readonly parts?: LearnerParts;
  /** How the optimizer steps are taken; absent: in the calling thread. Not recorded, as `parts`. */
  readonly startStepper?: StartStepper;
  /** What takes the place of predicting rows of text. A resumed run must be given the same. */
  readonly method?: TrainingMethod;
}

/** The step at which to open a log that is to start empty: all lines are of later steps, so all are dropped. */
const noLines = -1;

export async function conduct(
  store: RunStore,
  beginning: Beginning,
  { onEvent, onModel, signal, pause, live, parts, method, startStepper = ownSteps }: ConductOptions,
): Promise<TrainResult> {
  const { settings, dataset, state, checkpoint } = beginning;
  if (startStepper !== ownSteps) refuseChanges(live !== undefined || settings.liveChanges !== undefined);
  await nextTurn();
  const log = await store.openLog(checkpoint === null ? noLines : state.step);
  const learner = createLearner(settings, parts);
  const clock = startClock(state.seconds);
  const prepared: Omit<Run, 'stepper'> = {
    store,
    settings,
    dataset,
    learner,
    method: method ?? null,
    plan: planOf(settings),
    live: live ?? null,
    isWatched: [onModel, live, method, settings.liveChanges].some((watcher) => watcher !== undefined),
    log,
    emit: async (event) => void (await onEvent?.(event)),
    signal,
    clock,
    rest: async () => {
      await nextTurn();
      if (pause?.isPaused) await clock.during(pause.passed(signal));
    },
    state,
    saved: checkpoint === null ? null : { path: checkpoint, state },
  };
  const go = async () => {
    const warnings = await loadWeights(prepared, beginning);
    limitGroups(learner, settingsAt(settings, state.step - 1).model.topkGroup);
    await onModel?.(learner.model, dataset.tokenizer);
    await announce(prepared, beginning, warnings);
    const stepper = await startStepper(learner, settings);
    return andRelease(
      () => runToEnd({ ...prepared, stepper }),
      () => stepper.close(),
    );
  };
  try {
    return await andRelease(go, () => log.close());
  } finally {
    disposeLearner(learner);
  }
}

/** Whoever else takes the steps has the settings from the beginning on. */
function refuseChanges(hasChanges: boolean): void {
  if (!hasChanges) return;
  throw new UserError(
    'run: settings that change while the run goes on do not reach the ranks of a cluster; train in one process',
  );
}

/** Loads the weights that the run begins with, and returns warnings about them. */
async function loadWeights(
  { learner, store, state, method }: Omit<Run, 'stepper'>,
  { checkpoint, inheritance }: Beginning,
) {
  if (checkpoint !== null) {
    await restoreLearner(learner, store, checkpoint, state.updates ?? state.step, method?.state);
  }
  return inheritance === null ? [] : inheritWeights(learner, inheritance);
}

async function announce(run: Omit<Run, 'stepper'>, beginning: Beginning, more: readonly string[]): Promise<void> {
  const { backend, notes, warnings } = beginning;
  const { model, train, parameters, activeParameters, brotliBitsPerByte } = run.settings;
  await run.emit({
    type: 'start',
    runDir: run.store.path,
    model,
    train,
    backend: backend.name,
    threads: backend.threads,
    engineVariant: backend.engineVariant,
    device: backend.device,
    parameters,
    activeParameters,
    trainTokens: run.dataset.trainTokens,
    brotliBitsPerByte,
    startStep: run.state.step,
  });
  for (const message of notes) await run.emit({ type: 'note', message });
  for (const message of [...warnings, ...more]) await run.emit({ type: 'warning', message });
}
