// `--backend`, `--threads` and `--engine-variant`, and what they choose.

import { closest } from 'fastest-levenshtein';
import { type BackendName, backendNames } from '../backends/backend-names.ts';
import type { BackendOptions } from '../backends/backends.ts';
import { type VariantName, variantNames } from '../engine/variant-names.ts';
import { UserError } from '../errors.ts';
import type { OptionsOf } from './declared-types.ts';
import { wholeNumber } from './run-options.ts';

export const engineOptions = [
  { flags: '--threads <n>', help: 'threads of the engine (default: one for each core)' },
  { flags: '--engine-variant <name>', help: 'binary of the engine (default: the fastest one that works)' },
] as const;

/** The options that choose a backend, with what is taken where none is named. */
export function backendOptions(whenAbsent = 'auto') {
  const names = 'auto, engine, wasm, cpu, webgpu or tensorflow (the command doctor tries them)';
  return [{ flags: '--backend <name>', help: `${names} (default: ${whenAbsent})` }, ...engineOptions] as const;
}

/** As text, the way they are given. */
type EngineFlags = OptionsOf<typeof engineOptions>;
export type BackendFlags = OptionsOf<ReturnType<typeof backendOptions>>;

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
export function parseBackendOptions({ threads, engineVariant }: EngineFlags): BackendOptions {
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
