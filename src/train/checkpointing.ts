// Between a run and its checkpoints: what goes into one, and how a run comes back from one.

import { join } from 'node:path';
import { toHuggingFaceConfig } from '../config/huggingface.ts';
import { bufferShapes } from '../config/parameter-shapes.ts';
import { tokenizerConfig } from '../data/tokenizers/tokenizer-config.ts';
import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { checkpointName } from '../io/checkpoint-folders.ts';
import { fromHfTensors } from '../io/hf-tensors.ts';
import { latestCheckpoint, readCheckpoint } from '../io/read-checkpoint.ts';
import { readAllTensors } from '../io/tensor-source.ts';
import { writeCheckpoint } from '../io/write-checkpoint.ts';
import type { Run } from './run.ts';
import { type RunSettings, refuseChanges } from './run-settings.ts';
import type { Learner } from './learner.ts';
import { parseState, type TrainerState } from './trainer-state.ts';

/** Writes `checkpoints/step-XXXXXXXX` and returns its path. */
export async function saveCheckpoint(run: Run): Promise<string> {
  const { model, optimizer, average } = run.learner;
  const { tokenizer } = run.dataset;
  const path = join(run.runDir, 'checkpoints', checkpointName(run.state.step));
  run.state = { ...run.state, seconds: run.seconds() };
  const contents = {
    config: model.config,
    hfConfig: toHuggingFaceConfig(model.config),
    tokenizerJson: tokenizer.toHuggingFace(),
    tokenizerConfig: tokenizerConfig(tokenizer),
    model: await model.exportTensors(),
    optimizer: [...(await optimizer.exportTensors()), ...((await average?.exportTensors()) ?? [])],
    trainerState: { ...run.state },
  };
  writeCheckpoint(path, contents, { keep: run.settings.train.keepCheckpoints });
  run.saved = { path, state: run.state };
  run.emit({ type: 'checkpoint', step: run.state.step, path });
  return path;
}

/** The checkpoint a run is to be resumed from. */
export interface Resumable {
  readonly path: string;
  readonly state: TrainerState;
  /** What was wrong with newer checkpoints. */
  readonly warnings: readonly string[];
}

/** The newest checkpoint of a run that is whole; it must have been written with the settings in `run.json`. */
export function findResumable(runDir: string, settings: RunSettings): Resumable {
  const { checkpoint, warnings } = latestCheckpoint(join(runDir, 'checkpoints'));
  if (checkpoint === null) {
    const found = warnings.length === 0 ? 'it has none yet' : warnings.join('; ');
    throw new UserError(`resume: no usable checkpoint in ${runDir} (${found}); start a new run in another folder`);
  }
  const opened = readCheckpoint(checkpoint.path);
  try {
    const state = parseState(opened.trainerState, checkpoint.path, 'resume');
    refuseChanges(settings, { model: state.model, train: state.train }, runDir);
    return { path: checkpoint.path, state, warnings };
  } finally {
    opened.close();
  }
}

/** Puts the weights, biases, moments and averages of a checkpoint after `step` steps into a learner. */
export function restoreLearner(learner: Learner, path: string, step: number): void {
  const checkpoint = readCheckpoint(path);
  try {
    const { config, parameters } = learner.model;
    const own = Array.from(parameters, ([name, { shape }]) => ({ name, shape })); // of a study, perhaps not those of the config
    const expected = [...own, ...bufferShapes(config)];
    learner.model.importTensors(fromHfTensors(checkpoint.model, config, expected).tensors);
    const tensors = checkpoint.optimizer ? readAllTensors(checkpoint.optimizer) : [];
    learner.optimizer.importTensors(tensors, step);
    learner.average?.importTensors(tensors);
  } finally {
    checkpoint.close();
  }
}

/** Refuses to carry on with other text or another tokenizer than the run was started with. */
export function refuseOtherData(dataset: Dataset, settings: RunSettings, state: TrainerState): void {
  const { vocabSize } = settings.model;
  if (dataset.trainTokens === state.trainTokens && dataset.tokenizer.vocabSize === vocabSize) return;
  throw new UserError(
    `resume: the text of ${settings.train.data} has changed: expected ${state.trainTokens} training tokens and ` +
      `${vocabSize} kinds of them, found ${dataset.trainTokens} and ${dataset.tokenizer.vocabSize}; ` +
      'put the files back as they were, or start a new run',
  );
}
