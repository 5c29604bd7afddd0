// A run as named blobs, with the names and the contents that a folder has, TensorBoard's files left out. For places
// that are no file system: memory, a browser's storage.

import { UserError } from '../errors.ts';
import { type JsonObject, parseJsonObject } from '../io/json.ts';
import { encodeJson } from '../io/utf8.ts';
import {
  latestBlobCheckpoint,
  openBlobCheckpoint,
  openBlobModel,
  saveBlobCheckpoint,
  saveBlobModel,
} from './blob-checkpoints.ts';
import { type BlobLog, openBlobLog } from './blob-log.ts';
import type { Blobs } from './blobs.ts';
import type { ModelStore } from './model-store.ts';
import type { RunStore } from './run-store.ts';

const runFile = 'run.json';

/** A store over blobs; `name` is what messages and reports call it. */
export function blobStore(blobs: Blobs, name: string): RunStore & ModelStore {
  let log: BlobLog | null = null;
  return {
    path: name,
    name,
    refuseUsed: async () => {
      const others = (await blobs.list('')).filter((entry) => entry !== runFile);
      const found = others[0] ?? ((await blobs.read(runFile)) === null ? undefined : runFile);
      if (found === undefined) return;
      throw new UserError(`run: ${name} is not empty (it has ${found}); carry its run on, or choose another store`);
    },
    claim: async () => {
      const release = await blobs.lock();
      if (release !== null) return release;
      throw new UserError(`run: ${name} is in use by another run; wait for it, stop it or choose another store`);
    },
    readSettings: async (): Promise<JsonObject> => {
      const bytes = await blobs.read(runFile);
      if (bytes !== null) return parseJsonObject(bytes, `run: ${name}/${runFile}`);
      throw new UserError(`run: ${name} has no ${runFile}; no run was started in it`);
    },
    writeSettings: async (settings) => blobs.write(runFile, encodeJson(settings)),
    openLog: async (step) => {
      log = await openBlobLog(blobs, step);
      return log;
    },
    saveCheckpoint: async (step, contents, keep) => {
      await log?.flush(); // a checkpoint without the lines up to it would lose them
      return saveBlobCheckpoint(blobs, step, contents, keep);
    },
    latestCheckpoint: async () => latestBlobCheckpoint(blobs),
    openCheckpoint: async (path) => openBlobCheckpoint(blobs, path),
    saveModel: async (contents) => saveBlobModel(blobs, contents),
    openModel: async () => {
      const { checkpoint } = await latestBlobCheckpoint(blobs);
      const opened = (await openBlobModel(blobs)) ?? (checkpoint && (await openBlobCheckpoint(blobs, checkpoint.path)));
      if (opened !== null) return opened;
      throw new UserError(`model: ${name} has neither a saved model nor a checkpoint`);
    },
  };
}
