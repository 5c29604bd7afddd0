// The `trainer.json` of a checkpoint folder, read together with a check of the files that it lists.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { trainerFile } from './file-names.ts';
import { digestFile } from './hashed-file.ts';
import { fileInside, hasFile, readJsonBytes } from './inside-folder.ts';
import {
  checkDigest,
  draftTrainerFile,
  failChecksum,
  failMissing,
  parseTrainerFile,
  sealTrainerFile,
  type TrainerFile,
  unsealTrainerFile,
} from './trainer-file.ts';

/** The contents of `trainer.json`. */
export function encodeTrainerFile(trainer: TrainerFile): Uint8Array {
  const draft = draftTrainerFile(trainer);
  return sealTrainerFile(draft, sha256(draft));
}

/**
 * Reads `trainer.json` and checks every file of its folder against it.
 *
 * @throws UserError if the file or one that it lists is missing, truncated or changed, or if its version is newer.
 */
export function readTrainerFile(folder: string): TrainerFile {
  const path = join(folder, trainerFile);
  const bytes = readJsonBytes(folder, trainerFile, 'checkpoint');
  const sealed = unsealTrainerFile(bytes);
  if (sealed === null || sha256(sealed.draft) !== sealed.sha256) failChecksum(path);
  const trainer = parseTrainerFile(bytes, path);
  for (const [name, digest] of trainer.files) {
    if (!hasFile(folder, name)) failMissing(join(folder, name));
    checkDigest(join(folder, name), digest, digestFile(fileInside(folder, name)));
  }
  return trainer;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
