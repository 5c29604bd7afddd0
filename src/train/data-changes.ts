// A run goes on with the text it was trained on, or somebody says that it has changed.

import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { host } from './host.ts';
import type { RunSettings } from './run-settings.ts';
import type { TrainerState } from './trainer-state.ts';

export interface ChangedData {
  /** Go on with the text as it is now, though it is not the one that the run was trained on. */
  readonly dataChanged?: boolean;
}

/** What a run that goes on finds in the place of its text. */
interface FoundData {
  readonly dataset: Dataset;
  /** See `dataSha256`. */
  readonly sha256: string;
}

/**
 * The settings of a run that goes on with some text, and remarks for people.
 *
 * If the text has changed and `dataChanged` says so, the change is recorded, and Brotli is asked anew. The tokenizer is
 * the run's own, whatever the text.
 *
 * @throws UserError, with both hashes, for a text that has changed without anybody saying so; and for one whose
 * tokenizer has another vocabulary.
 */
export function compareData(
  settings: RunSettings,
  { dataset, sha256 }: FoundData,
  { dataChanged = false, state }: ChangedData & { readonly state: TrainerState | null },
): { readonly settings: RunSettings; readonly remarks: readonly string[] } {
  refuseOtherVocabulary(dataset, settings);
  const { dataSha256: recorded, train } = settings;
  if (recorded === sha256) return { settings, remarks: [] };
  const isOtherLength = state !== null && state.trainTokens !== dataset.trainTokens;
  if (!dataChanged && (recorded !== undefined || isOtherLength)) throw hasChanged(settings, sha256);
  const known = { ...settings, dataSha256: sha256 };
  if (recorded === undefined && !dataChanged) {
    const remark = 'The run was started by a version that kept no hash of its text: only its length was compared.';
    return { settings: known, remarks: [remark] };
  }
  const atStep = state?.step ?? 0;
  const change = { atStep, from: recorded ?? 'unknown', to: sha256 };
  const changed = {
    ...known,
    brotliBitsPerByte: host().brotliBitsPerByte(dataset),
    dataChanges: [...(settings.dataChanges ?? []), change],
  };
  return {
    settings: changed,
    remarks: [
      `The text of ${train.data} has changed: from step ${atStep} on the run is trained and measured on another one, ` +
        'and its numbers are not to be compared with those before.',
    ],
  };
}

function hasChanged({ train, dataSha256: recorded }: RunSettings, sha256: string): UserError {
  return new UserError(
    `resume: the text of ${train.data} has changed, or the order of its documents: the run was trained on SHA-256 ` +
      `${recorded ?? 'unknown, of another length'}, and now it is ${sha256}; put the files back as they were, start a ` +
      'new run from its weights (--init), or go on with the text as it is now (--data-changed; in a program dataChanged)',
  );
}

/** A model that was taken over may have room for more tokens than its tokenizer has. */
function refuseOtherVocabulary({ tokenizer }: Dataset, { model, init, train }: RunSettings): void {
  if (init !== undefined || tokenizer.vocabSize === model.vocabSize) return;
  throw new UserError(
    `resume: the text of ${train.data} has changed: its tokenizer has ${tokenizer.vocabSize} tokens, and the model ` +
      `${model.vocabSize}; put the files back as they were, or start a new run`,
  );
}
