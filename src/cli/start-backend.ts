// The backend that a command computes with.

import { activateBackend } from '../backends/backends.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import type { BackendChoice } from './backend-option.ts';
import { print } from './terminal/print.ts';

/** Starts a backend; that it is not the one hoped for is a warning on standard error. */
export async function startBackend({ backend, backendOptions }: BackendChoice): Promise<ActiveBackend> {
  const active = await activateBackend(backend, backendOptions);
  if (active.warning !== null) print(process.stderr, [`warning: ${active.warning}`]);
  return active;
}
