// The active backend. `src/backends` starts it; the model only asks what it can do.

/** The TF.js backends this project knows. */
export const backendIds = ['engine', 'wasm', 'cpu', 'webgpu', 'tensorflow'] as const;
export type BackendId = (typeof backendIds)[number];

/** A backend that is running. */
export interface ActiveBackend {
  readonly name: BackendId;
  /** Whether tensors can be read without waiting. */
  readonly canReadSync: boolean;
  /** Threads that compute; null where the backend does not say. */
  readonly threads: number | null;
  /** The engine's binary; null on other backends. */
  readonly engineVariant: string | null;
  /** The GPU, and whether a program plays it, as in `SwiftShader (computed in software)`; null on other backends. */
  readonly device: string | null;
  /** Why the preferred backend could not be started and this one is used; null if there is nothing to warn of. */
  readonly warning: string | null;
  /** What would make the backend faster, to be told once before a long computation; null if nothing is known. */
  readonly advice: string | null;
}

let active: ActiveBackend | null = null;

/** The backend that was started last. */
export function activeBackend(): ActiveBackend {
  if (active === null) throw new Error('internal: no backend is active; await activateBackend() first');
  return active;
}

/** Records which backend computes from now on. */
export function setActiveBackend(backend: ActiveBackend): void {
  active = backend;
}
