// Checkpoints and models as blobs, with the names and contents that their files have on the disk.

import { UserError } from '../errors.ts';
import { dequantized, fp8BlockSize } from '../io/block-fp8.ts';
import {
  type Checkpoint,
  type CheckpointContents,
  checkpointFiles,
  type LatestCheckpoint,
  type ModelContents,
  modelFiles,
} from '../io/checkpoint.ts';
import { checkpointName, checkpointStep } from '../io/checkpoint-names.ts';
import {
  configFile,
  generationFile,
  modelFile,
  optimizerFile,
  tokenizerConfigFile,
  tokenizerFile,
  trainerFile,
} from '../io/file-names.ts';
import { joinBytes } from '../io/join-bytes.ts';
import { parseJsonObject } from '../io/json.ts';
import { openSafetensorsBytes } from '../io/safetensors-bytes.ts';
import {
  checkDigest,
  draftTrainerFile,
  type FileDigest,
  failChecksum,
  failMissing,
  parseTrainerFile,
  sealTrainerFile,
  type TrainerFile,
  unsealTrainerFile,
} from '../io/trainer-file.ts';
import { checkpointsFolder, freshName, modelsFolder, newestFirst, publish, readPublished } from './blob-folders.ts';
import type { Blobs } from './blobs.ts';
import { digestOf } from './digest.ts';

/** Publishes a checkpoint in place of all but the newest `keep` up to its step. Returns its path. */
export async function saveBlobCheckpoint(
  blobs: Blobs,
  step: number,
  contents: CheckpointContents,
  keep: number,
): Promise<string> {
  const published = await readPublished(blobs);
  const name = await freshName(blobs, checkpointsFolder, checkpointName(step));
  const path = `${checkpointsFolder}/${name}`;
  await writeCheckpointFiles(blobs, path, contents);
  const others = published.checkpoints.filter((other) => checkpointStep(other) !== step);
  const all = newestFirst([...others, name]);
  const past = all.filter((other) => (checkpointStep(other) ?? 0) <= step);
  const dropped = new Set(past.slice(Math.max(1, keep)));
  await publish(blobs, { ...published, checkpoints: all.filter((other) => !dropped.has(other)) });
  return path;
}

async function writeCheckpointFiles(blobs: Blobs, path: string, contents: CheckpointContents): Promise<void> {
  const files = new Map<string, FileDigest>();
  for (const { name, pieces } of checkpointFiles(contents)) {
    const bytes = joinBytes(pieces);
    files.set(name, await digestOf(bytes));
    await blobs.write(`${path}/${name}`, bytes);
  }
  const draft = draftTrainerFile({ files, state: contents.trainerState });
  await blobs.write(`${path}/${trainerFile}`, sealTrainerFile(draft, (await digestOf(draft)).sha256));
}

/** Publishes a model in place of the one before. */
export async function saveBlobModel(blobs: Blobs, contents: ModelContents): Promise<void> {
  const published = await readPublished(blobs);
  const model = await freshName(blobs, modelsFolder, 'model');
  for (const { name, pieces } of modelFiles(contents))
    await blobs.write(`${modelsFolder}/${model}/${name}`, joinBytes(pieces));
  await publish(blobs, { ...published, model });
}

/** The newest published checkpoint whose files are those that were written. */
export async function latestBlobCheckpoint(blobs: Blobs): Promise<LatestCheckpoint> {
  const warnings: string[] = [];
  for (const name of (await readPublished(blobs)).checkpoints) {
    const path = `${checkpointsFolder}/${name}`;
    try {
      (await openBlobCheckpoint(blobs, path)).close();
      return { checkpoint: { path, step: checkpointStep(name) ?? 0 }, warnings };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warnings.push(`skipped ${path}: ${error.message}`);
    }
  }
  return { checkpoint: null, warnings };
}

/** Reads all of a checkpoint into memory and checks it against its checksums. */
export async function openBlobCheckpoint(blobs: Blobs, path: string): Promise<Checkpoint> {
  const trainer = await readTrainerFile(blobs, `${path}/${trainerFile}`);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, digest] of trainer.files) {
    const bytes = await readFile(blobs, `${path}/${name}`);
    checkDigest(`${path}/${name}`, digest, await digestOf(bytes));
    files.set(name, bytes);
  }
  const optimizer = openSafetensorsBytes(fileOf(files, path, optimizerFile), `${path}/${optimizerFile}`);
  return { ...openModelFiles(files, path), optimizer, trainerState: trainer.state };
}

/** The published model, all of it in memory; null if there is none. */
export async function openBlobModel(blobs: Blobs): Promise<Checkpoint | null> {
  const { model } = await readPublished(blobs);
  if (model === null) return null;
  const path = `${modelsFolder}/${model}`;
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of await blobs.list(path)) files.set(name, await readFile(blobs, `${path}/${name}`));
  return { ...openModelFiles(files, path), optimizer: null, trainerState: null };
}

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * The files of a model folder, by name.
 *
 * @throws {UserError} for a file that is missing or damaged
 */
export function openModelFiles(files: Files, path: string): Omit<Checkpoint, 'optimizer' | 'trainerState'> {
  const json = (name: string) => parseJsonObject(fileOf(files, path, name), `checkpoint: ${path}/${name}`);
  const jsonIfThere = (name: string) => (files.has(name) ? json(name) : null);
  const hfConfig = json(configFile);
  const model = openSafetensorsBytes(fileOf(files, path, modelFile), `${path}/${modelFile}`);
  return {
    hfConfig,
    tokenizerJson: jsonIfThere(tokenizerFile),
    tokenizerConfig: jsonIfThere(tokenizerConfigFile),
    generationConfig: jsonIfThere(generationFile),
    model: dequantized(model, fp8BlockSize(hfConfig)),
    weightsSha256: async () => (await digestOf(fileOf(files, path, modelFile))).sha256,
    close: () => {},
  };
}

function fileOf(files: Files, path: string, name: string): Uint8Array<ArrayBuffer> {
  return files.get(name) ?? failMissing(`${path}/${name}`);
}

async function readFile(blobs: Blobs, path: string): Promise<Uint8Array<ArrayBuffer>> {
  return (await blobs.read(path)) ?? failMissing(path);
}

async function readTrainerFile(blobs: Blobs, path: string): Promise<TrainerFile> {
  const bytes = await readFile(blobs, path);
  const sealed = unsealTrainerFile(bytes);
  if (sealed === null || (await digestOf(sealed.draft)).sha256 !== sealed.sha256) failChecksum(path);
  return parseTrainerFile(bytes, path);
}
