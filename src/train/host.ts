// What a run needs of the program around it: folders, to keep a run in or to start from, and Brotli, as a measure to
// compare with. Not every program has these; `useHost` sets what there is.

import type { Dataset } from '../data/types.ts';
import type { NamedBytes } from '../io/checkpoint.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { OpenedModel } from './initial-model.ts';
import { webHost } from './web-host.ts';

/** Folders of a file system. */
export interface Folders {
  /** The run that a folder holds, or will hold. */
  readonly runStore: (path: string) => Promise<RunStore>;
  /** Opens a model folder, or the newest checkpoint of a run folder. */
  readonly openModel: (path: string) => Promise<OpenedModel>;
  /** Writes a folder that must not exist yet or be empty: whole, or not at all. */
  readonly writeNew: (path: string, files: Iterable<NamedBytes>) => Promise<void>;
}

/** What the program around a run provides. */
export interface Host {
  /** Null where there is no file system. */
  readonly folders: Folders | null;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text; null where that is not known. */
  readonly brotliBitsPerByte: (dataset: Pick<Dataset, 'domains' | 'heldOutText'>) => number | null;
}

let current: Host = webHost;

/** The current host; that of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the host, before a run is started. */
export function useHost(newHost: Host): void {
  current = newHost;
}
