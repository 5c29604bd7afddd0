// What goes into a checkpoint of a run, and how a run is resumed from one.

import { bufferShapes } from '../config/parameter-shapes.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { folderTokenizer } from '../generate/folder-tokenizer.ts';
import { fromHfTensors } from '../io/hf-tensors.ts';
import { readAllTensors } from '../io/tensor-source.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { Learner } from './learner.ts';
import type { MethodState } from './method.ts';
import { modelContents } from './model-contents.ts';
import type { Run } from './run.ts';
import { type RunSettings, refuseOtherRun } from './run-settings.ts';
import { parseState, type TrainerState } from './trainer-state.ts';

/** Saves the current state of the run and returns the path of the checkpoint. */
export async function saveCheckpoint(run: Run): Promise<string> {
  await run.stepper.gather();
  const { model, optimizer, average } = run.learner;
  run.state = { ...run.state, seconds: run.clock.seconds() };
  const contents = {
    ...(await modelContents(model, run.dataset.tokenizer)),
    optimizer: [
      ...(await optimizer.exportTensors()),
      ...((await average?.exportTensors()) ?? []),
      ...((await run.method?.state?.exportTensors()) ?? []),
    ],
    trainerState: { ...run.state },
  };
  const path = await run.store.saveCheckpoint(run.state.step, contents, run.settings.train.keepCheckpoints);
  run.saved = { path, state: run.state };
  await run.emit({ type: 'checkpoint', step: run.state.step, path });
  return path;
}

/** The checkpoint a run is to be resumed from. */
export interface Resumable {
  readonly path: string;
  readonly state: TrainerState;
  /** The tokenizer of the checkpoint; null if it has none. */
  readonly tokenizer: Tokenizer | null;
  /** Warnings that say what was wrong with newer checkpoints. */
  readonly warnings: readonly string[];
}

/**
 * The newest checkpoint of a run that is whole; it must have been written with the settings in `run.json`. Null if none
 * was written yet.
 */
export async function findResumable(store: RunStore, settings: RunSettings): Promise<Resumable | null> {
  const { checkpoint, warnings } = await store.latestCheckpoint();
  if (checkpoint === null) {
    if (warnings.length === 0) return null;
    throw new UserError(
      `resume: no checkpoint in ${store.path} is usable (${warnings.join('; ')}); start a new run in another place, ` +
        'or delete its checkpoints to start this one again at step 0',
    );
  }
  const opened = await store.openCheckpoint(checkpoint.path);
  try {
    const state = parseState(opened.trainerState, checkpoint.path, 'resume');
    refuseOtherRun(settings, { model: state.model, train: state.train }, store.path);
    const { path } = checkpoint;
    const tokenizer = opened.tokenizerJson === null ? null : folderTokenizer(path, opened, settings.model).tokenizer;
    return { path, state, tokenizer, warnings };
  } finally {
    opened.close();
  }
}

/**
 * Puts the weights, biases, moments and averages of a checkpoint after so many updates into a learner, and what a
 * method keeps into its state.
 */
export async function restoreLearner(
  learner: Learner,
  store: RunStore,
  path: string,
  updates: number,
  state?: MethodState,
): Promise<void> {
  const checkpoint = await store.openCheckpoint(path);
  try {
    const { config, parameters } = learner.model;
    // A study may have replaced those of the config.
    const own = Array.from(parameters, ([name, { shape }]) => ({ name, shape }));
    const expected = [...own, ...bufferShapes(config)];
    learner.model.importTensors(fromHfTensors(checkpoint.model, config, expected).tensors);
    const tensors = checkpoint.optimizer ? readAllTensors(checkpoint.optimizer) : [];
    learner.optimizer.importTensors(tensors, updates);
    learner.average?.importTensors(tensors);
    state?.importTensors(tensors, updates);
  } finally {
    checkpoint.close();
  }
}
