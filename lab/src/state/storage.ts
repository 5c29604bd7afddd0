// What the page itself keeps in the browser's storage: what each run was asked to be, and models that were imported.

import type { RunRequest } from '../protocol.ts';

const root = 'tinyseek-lab';

async function folderAt(...path: readonly string[]): Promise<FileSystemDirectoryHandle> {
  let folder = await navigator.storage.getDirectory();
  for (const name of [root, ...path]) folder = await folder.getDirectoryHandle(name, { create: true });
  return folder;
}

async function write(folder: FileSystemDirectoryHandle, name: string, data: BlobPart): Promise<void> {
  const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await stream.write(new Blob([data]));
  await stream.close();
}

/** Returns whether the browser keeps it. */
export async function keepRequest(request: RunRequest): Promise<boolean> {
  try {
    await write(await folderAt('requests'), `${request.runId}.json`, JSON.stringify(request));
    return true;
  } catch {
    return false;
  }
}

/** What is stored, oldest first. */
export async function storedRequests(): Promise<RunRequest[]> {
  try {
    const found: RunRequest[] = [];
    for await (const handle of (await folderAt('requests')).values()) {
      if (handle.kind !== 'file') continue;
      const request = JSON.parse(await (await (handle as FileSystemFileHandle).getFile()).text());
      // Runs of earlier versions do not say what computes.
      found.push({ backend: 'auto', ...request });
    }
    return found.sort((a, b) => a.runId.localeCompare(b.runId));
  } catch {
    return [];
  }
}

const tries = 20;
const waitMilliseconds = 100;

/** Forgets a run; a worker that was just ended may hold one of its files for a moment. */
export async function forgetRun(runId: string): Promise<void> {
  const folder = await folderAt('runs').catch(() => null);
  for (let i = 0; folder !== null && i < tries; i++) {
    try {
      await folder.removeEntry(runId, { recursive: true });
      break;
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') break;
      await new Promise((resolve) => setTimeout(resolve, waitMilliseconds));
    }
  }
  const requests = await folderAt('requests').catch(() => null);
  await requests?.removeEntry(`${runId}.json`).catch(() => {});
}

/** Forgets a model that no run begins with any more. */
export async function forgetModel(modelId: string): Promise<void> {
  await (await folderAt('models')).removeEntry(modelId, { recursive: true }).catch(() => {});
}

/**
 * Keeps the files of a model, and returns its id.
 *
 * @throws {Error} that says what to do where there is no room
 */
export async function keepModel(name: string, files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<string> {
  const modelId = `${name.replaceAll(/[^\w-]+/g, '-')}-${Date.now()}`;
  try {
    const folder = await folderAt('models', modelId);
    for (const [file, bytes] of files) await write(folder, file, bytes);
  } catch (error) {
    await forgetModel(modelId).catch(() => {});
    const isFull = error instanceof Error && error.name === 'QuotaExceededError';
    const what = isFull ? 'has no room for it: delete an older run in the table' : 'keeps no files for this page';
    throw new Error(`${name} cannot be opened: the browser ${what}.`, { cause: error });
  }
  return modelId;
}
