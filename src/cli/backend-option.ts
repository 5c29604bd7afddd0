// `--backend`, `--threads` and `--engine-variant`: their values, and the backend started with them.

import { closest } from 'fastest-levenshtein';
import { type BackendName, backendNames } from '../backends/backend-names.ts';
import { activateBackend, type BackendOptions } from '../backends/backends.ts';
import { type VariantName, variantNames } from '../engine/variant-names.ts';
import { UserError } from '../errors.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import { wholeNumber } from './run-options.ts';
import { print } from './terminal/print.ts';

/** The options of a command, as text. */
export interface BackendFlags {
  readonly backend?: string;
  readonly threads?: string;
  readonly engineVariant?: string;
}

/** The backend a command is to start. */
export interface BackendChoice {
  readonly backend: BackendName;
  readonly backendOptions: BackendOptions;
}

function nearestOf<Name extends string>(what: string, name: string, names: readonly Name[]): Name {
  const known = names.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  throw new UserError(
    `${what} ${name}: unknown; did you mean ${closest(name, [...names])}? (known: ${names.join(', ')})`,
  );
}

/** The backend of that name; throws a `UserError` with the nearest name. */
export function parseBackend(name: string): BackendName {
  return nearestOf('backend', name, backendNames);
}

/** What the engine is to run with; throws a `UserError` for what cannot be. */
export function parseBackendOptions({ threads, engineVariant }: BackendFlags): BackendOptions {
  return {
    threads: threads === undefined ? null : wholeNumber('--threads', threads),
    engineVariant:
      engineVariant === undefined ? null : nearestOf<VariantName>('engine variant', engineVariant, variantNames),
  };
}

/** What was chosen, `auto` where nothing was; throws a `UserError` for what cannot be. */
export function parseBackendFlags(flags: BackendFlags): BackendChoice {
  return { backend: parseBackend(flags.backend ?? 'auto'), backendOptions: parseBackendOptions(flags) };
}

/** Starts a backend; that it is not the one hoped for is a warning on standard error. */
export async function startBackend({ backend, backendOptions }: BackendChoice): Promise<ActiveBackend> {
  const active = await activateBackend(backend, backendOptions);
  if (active.warning !== null) print(process.stderr, [`warning: ${active.warning}`]);
  return active;
}
