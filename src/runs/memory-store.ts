// A run that is kept in memory: for tests, notebooks and pages, and for programs that put the files somewhere else.

import { joinBytes } from '../io/join-bytes.ts';
import { blobStore } from './blob-store.ts';
import type { Blobs } from './blobs.ts';
import type { ModelStore } from './model-store.ts';
import type { RunStore } from './run-store.ts';

/** A store whose files can be looked at. */
export interface MemoryStore extends RunStore, ModelStore {
  /** By path, as a run folder has them: `run.json`, `checkpoints/step-00000010/model.safetensors`, ... */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** An empty store in memory; it lives as long as the object does. */
export function memoryStore(name = 'memory'): MemoryStore {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return { ...blobStore(memoryBlobs(files), name), files };
}

/** Blobs in a map that the caller may look at. */
export function memoryBlobs(files: Map<string, Uint8Array<ArrayBuffer>>): Blobs {
  let isLocked = false;
  const below = (folder: string) => (folder === '' ? '' : `${folder}/`);
  return {
    read: async (path) => files.get(path) ?? null,
    write: async (path, bytes) => void files.set(path, bytes),
    append: async (path, bytes) => void files.set(path, joinBytes([files.get(path) ?? new Uint8Array(), bytes])),
    list: async (folder) => {
      const paths = [...files.keys()].filter((path) => path.startsWith(below(folder)));
      return [...new Set(paths.map((path) => path.slice(below(folder).length).split('/')[0] ?? ''))];
    },
    remove: async (path) => {
      for (const other of files.keys()) {
        if (other === path || other.startsWith(below(path))) files.delete(other);
      }
    },
    lock: async () => {
      if (isLocked) return null;
      isLocked = true;
      return async () => {
        isLocked = false;
      };
    },
  };
}
