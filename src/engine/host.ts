// What the engine needs of the program that runs it: threads, the bytes of its binaries, the number of cores. A page
// gives these through the Web's interfaces and Node through its own modules; `useHost` says which holds.

import type { Address } from './address.ts';
import type { VariantName } from './variant-names.ts';
import { webHost } from './web-host.ts';

/** What a worker thread is given; structured clone carries all of it. */
export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly index: number;
  readonly scratch: Address;
}

/** A worker thread that was started. */
export interface WorkerHandle {
  /** Resolves when it has ended, asked or not. */
  readonly ended: Promise<void>;
  /** Ends the thread at once, whatever it is doing. */
  readonly terminate: () => void;
}

/** What the program around the engine provides. */
export interface Host {
  /** Cores that threads can run on. */
  readonly cores: () => number;
  /** Starts a thread that runs `workerSource`. */
  readonly startWorker: (data: WorkerData) => WorkerHandle;
  /** The binary of a variant, compiled; `shared` says whether its memory is shared between threads. */
  readonly compile: (name: VariantName, shared: boolean) => Promise<WebAssembly.Module>;
  /**
   * Switches on features that the JavaScript engine has but does not use by default; called before the first `compile`.
   *
   * @returns whether tiles as wide as those of `relaxed-5x16` may fit into registers.
   */
  readonly prepare: () => boolean;
}

let current: Host = webHost;

/** The current host; that of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the host, before the engine is started. */
export function useHost(newHost: Host): void {
  current = newHost;
}
