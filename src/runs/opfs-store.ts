// A run in the storage of a browser: the origin private file system, or a folder that the user picked.
//
// A file there appears whole when its stream is closed, and cannot be renamed; `blob-store.ts` builds on no more than
// that. Two pages of an origin share the storage: the Web Locks API keeps them apart.

import { UserError } from '../errors.ts';
import { blobStore } from './blob-store.ts';
import type { Blobs } from './blobs.ts';
import type { DirectoryHandle, FileHandle, LockManager, WritableFile } from './directory-handle.ts';
import type { ModelStore } from './model-store.ts';
import type { RunStore } from './run-store.ts';

/**
 * A directory, which may be empty or hold a run, as a store:
 *
 *     const root = await navigator.storage.getDirectory();
 *     const store = opfsStore(await root.getDirectoryHandle('whale', { create: true }));
 *
 * @param locks keeps another page from training in the directory meanwhile; absent where a browser has none.
 */
export function opfsStore(
  directory: DirectoryHandle,
  locks: LockManager | undefined = browserLocks(),
): RunStore & ModelStore {
  return blobStore(handleBlobs(directory, locks), directory.name);
}

function browserLocks(): LockManager | undefined {
  const navigator: { readonly locks?: LockManager } | undefined = Reflect.get(globalThis, 'navigator');
  return navigator?.locks;
}

function handleBlobs(directory: DirectoryHandle, locks: LockManager | undefined): Blobs {
  return {
    read: async (path) => {
      const file = await present(async () => {
        const { folder, name } = await parentOf(directory, path, false);
        return folder.getFileHandle(name);
      });
      const bytes = file === null ? null : new Uint8Array(await (await file.getFile()).arrayBuffer());
      return bytes?.length === 0 ? null : bytes; // the page was closed after creating it: no file of ours is empty
    },
    write: async (path, bytes) => {
      const { folder, name } = await parentOf(directory, path, true);
      await writeFile(await folder.getFileHandle(name, { create: true }), path, bytes, false);
    },
    append: async (path, bytes) => {
      const { folder, name } = await parentOf(directory, path, true);
      await writeFile(await folder.getFileHandle(name, { create: true }), path, bytes, true);
    },
    list: async (path) => {
      const folder = await present(async () => folderAt(directory, partsOf(path), false));
      const names: string[] = [];
      for await (const name of folder?.keys() ?? []) names.push(name);
      return names;
    },
    remove: async (path) => {
      await present(async () => {
        const { folder, name } = await parentOf(directory, path, false);
        await folder.removeEntry(name, { recursive: true });
      });
    },
    lock: () => claim(`tinyseek ${directory.name}`, locks),
  };
}

const partsOf = (path: string) => path.split('/').filter((part) => part !== '');

async function parentOf(directory: DirectoryHandle, path: string, create: boolean) {
  const parts = partsOf(path);
  return { folder: await folderAt(directory, parts.slice(0, -1), create), name: parts.at(-1) ?? '' };
}

async function folderAt(
  directory: DirectoryHandle,
  parts: readonly string[],
  create: boolean,
): Promise<DirectoryHandle> {
  let folder = directory;
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
  return folder;
}

/** The result of `ask`, or null if the file or folder does not exist. */
async function present<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundError') return null;
    throw error;
  }
}

async function writeFile(
  file: FileHandle,
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  isAppended: boolean,
): Promise<void> {
  let stream: WritableFile | null = null;
  try {
    stream = await file.createWritable({ keepExistingData: isAppended }); // which takes room as well
    if (isAppended) await stream.seek((await file.getFile()).size);
    await stream.write(bytes);
    await stream.close();
  } catch (error) {
    await stream?.abort(error).catch(() => {}); // the first error says more
    if (!(error instanceof Error) || error.name !== 'QuotaExceededError') throw error;
    throw new UserError(`run: cannot write ${path}: the browser's storage is full; remove an older run`, {
      cause: error,
    });
  }
}

/** Holds a lock until it is given back; null if somebody else has it. */
function claim(name: string, locks: LockManager | undefined): Promise<(() => Promise<void>) | null> {
  if (locks === undefined) return Promise.resolve(async () => {});
  return new Promise((resolve, reject) => {
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    const request = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) resolve(null);
      else
        resolve(async () => {
          release();
          await request;
        });
      return lock === null ? Promise.resolve() : held;
    });
    request.catch(reject);
  });
}
