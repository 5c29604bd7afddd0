// What the backends need of the program around them: those of TF.js's backends that the core does not bring, and what this
// runtime lacks. A page imports a backend itself, and Node has loaders of its own; `useHost` says which holds.

import type { BackendId } from '../tensor/active-backend.ts';
import { webHost } from './web-host.ts';

/** Backends that come from outside of the core. */
export type ForeignBackend = Exclude<BackendId, 'engine' | 'cpu'>;

/** How TF.js comes to know a backend. */
export interface BackendSource {
  /** Registers it with TF.js. Rejects where it is missing; the message says why. */
  readonly load: () => Promise<void>;
  /** What to do where it is missing. */
  readonly howToGet: string | null;
}

/** The surroundings of the backends. */
export interface Host {
  readonly sources: Readonly<Record<ForeignBackend, BackendSource>>;
  /** What another runtime would bring to the engine; null where it has all it can use. */
  readonly advice: () => string | null;
}

let current: Host = webHost;

/** The surroundings that hold; those of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the surroundings, before a backend is started. */
export function useHost(newHost: Host): void {
  current = newHost;
}
