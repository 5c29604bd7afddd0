// What the backends need of the program around them: the TF.js backends that are not part of the core, and advice about
// the runtime. A page imports a backend itself, and Node has loaders of its own; `useHost` sets which of them is used.

import type { BackendId } from '../tensor/active-backend.ts';
import { webHost } from './web-host.ts';

/** Backends that are not part of the core. */
export type ForeignBackend = Exclude<BackendId, 'engine' | 'cpu'>;

/** How a backend is registered with TF.js. */
export interface BackendSource {
  /** Registers it with TF.js. Rejects where it is missing; the message says why. */
  readonly load: () => Promise<void>;
  /** What to do where it is missing. */
  readonly howToGet: string | null;
}

/** What the program around the backends provides. */
export interface Host {
  readonly sources: Readonly<Record<ForeignBackend, BackendSource>>;
  /** What another runtime would improve for the engine; null if this one has all that the engine can use. */
  readonly advice: () => string | null;
}

let current: Host = webHost;

/** The current host; that of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the host, before a backend is started. */
export function useHost(newHost: Host): void {
  current = newHost;
}
