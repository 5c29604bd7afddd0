// The text that a checkpoint was trained on, as the trainer noted it, or another.

import { trainPreset } from '../config/presets.ts';
import { validateRecordedTrain } from '../config/recorded.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import { parseState } from '../train/trainer-state.ts';
import type { OpenedModel } from './open-model.ts';

/**
 * The settings of the run that wrote a checkpoint, with other data if a text is named; for a folder from elsewhere
 * those of `tiny`.
 *
 * @param command begins the message when no text is known, or what is known is not readable.
 */
export function trainedOn(
  { path, config, trainerState }: Pick<OpenedModel, 'path' | 'config' | 'trainerState'>,
  data: string | undefined,
  command: string,
): TrainConfig {
  if (trainerState === null && data === undefined) {
    throw new UserError(`${command}: ${path} does not say what it was trained on; name a text with --data`);
  }
  const seqLen = Math.min(trainPreset('tiny').seqLen, config.maxPositionEmbeddings);
  const recorded =
    trainerState === null ? { ...trainPreset('tiny'), seqLen } : parseState(trainerState, path, command).train;
  return validateRecordedTrain({ ...recorded, ...(data === undefined ? {} : { data }) }, config);
}
