// Writes a model folder for others: weights in one file or in several, and files of text. As with checkpoints, the
// folder is made under another name and renamed, so that it is whole or not there.

import nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import type { NamedBytes } from './checkpoint.ts';
import { indexFile } from './file-names.ts';
import { explainFsErrors, type FileSystem, makeFolder, syncFolder } from './file-system.ts';
import { writeHashedFile } from './hashed-file.ts';
import { jsonText } from './json.ts';
import { safetensorsPieces } from './safetensors-bytes.ts';
import { type Shard, shardIndex } from './shards.ts';
import { removeLeftovers, unfinishedFolder } from './unfinished-folder.ts';

/** What goes into a model folder, next to the index if there are several files of weights. */
export interface ModelFolderContents {
  readonly shards: readonly Shard[];
  /** Contents by file name. */
  readonly files: ReadonlyMap<string, string>;
}

/** Writes the folder `path`: see `writeNewFolder`. */
export function writeModelFolder(path: string, contents: ModelFolderContents, fs: FileSystem = nodeFs): void {
  writeNewFolder(path, folderFiles(contents), fs);
}

function* folderFiles({ shards, files }: ModelFolderContents): Generator<NamedBytes> {
  const text = (name: string, contents: string): NamedBytes => ({ name, pieces: [Buffer.from(contents)] });
  for (const [name, contents] of files) yield text(name, contents);
  for (const { name, tensors } of shards) yield { name, pieces: safetensorsPieces(tensors) };
  if (shards.length > 1) yield text(indexFile, jsonText(shardIndex(shards)));
}

/**
 * Writes the folder `path`, which must not exist yet, or be empty.
 *
 * @throws UserError saying what could not be written where, and why; nothing is left behind then.
 */
export function writeNewFolder(path: string, files: Iterable<NamedBytes>, fs: FileSystem = nodeFs): void {
  explainFsErrors('model folder: cannot write', path, () => {
    if (fs.existsSync(path) && fs.readdirSync(path).length > 0) {
      throw new UserError(`model folder: ${path} is not empty; choose another folder, or delete it first`);
    }
    makeFolder(dirname(path), fs);
    removeLeftovers(dirname(path), fs);
    const temporary = unfinishedFolder(path);
    fs.mkdirSync(temporary);
    try {
      for (const { name, pieces } of files) writeHashedFile(join(temporary, name), pieces, fs);
      syncFolder(temporary, fs);
      if (fs.existsSync(path)) fs.rmSync(path, { recursive: true });
      fs.renameSync(temporary, path);
    } catch (error) {
      fs.rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
    syncFolder(dirname(path), fs);
  });
}
