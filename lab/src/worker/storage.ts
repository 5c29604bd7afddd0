// Where runs and models lie in the browser's storage (OPFS): `tinyseek-lab/runs/ID` and `tinyseek-lab/models/ID`.

import { type ModelStore, memoryStore, opfsStore, type RunStore } from 'tinyseek/core';
import { filesModel } from 'tinyseek/more';

const root = 'tinyseek-lab';

async function folderAt(path: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
  let folder = await navigator.storage.getDirectory();
  for (const name of [root, ...path]) folder = await folder.getDirectoryHandle(name, { create });
  return folder;
}

export interface RunPlace {
  readonly store: RunStore & ModelStore;
  /** The lines of metrics that are stored already. */
  readonly log: () => Promise<string>;
  /** Whether a run was begun here. */
  readonly isBegun: boolean;
  /** False where the run is lost when the page is closed. */
  readonly isKept: boolean;
}

/** The place of a run; in memory where the browser keeps no files for a page. */
export async function runPlace(runId: string): Promise<RunPlace> {
  try {
    if (!('createWritable' in FileSystemFileHandle.prototype)) throw new Error('no streams into files');
    const folder = await folderAt(['runs', runId], true);
    const textOf = async (name: string) => {
      const handle = await folder.getFileHandle(name).catch(() => null);
      return handle === null ? '' : (await handle.getFile()).text();
    };
    const isBegun = (await textOf('run.json')) !== '';
    return { store: opfsStore(folder), log: () => textOf('metrics.jsonl'), isBegun, isKept: true };
  } catch {
    return { store: memoryStore(runId), log: async () => '', isBegun: false, isKept: false };
  }
}

/** A model that was imported. */
export async function modelPlace(modelId: string): Promise<ModelStore> {
  const folder = await folderAt(['models', modelId], false);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== 'file') continue;
    const file = await (handle as FileSystemFileHandle).getFile();
    files.set(name, new Uint8Array(await file.arrayBuffer()));
  }
  return filesModel(files, modelId);
}
