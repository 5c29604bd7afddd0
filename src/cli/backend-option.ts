// The value of `--backend`.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { type BackendName, backendNames } from '../backends/backends.ts';

/** The backend of that name; throws a `UserError` with the nearest name. */
export function parseBackend(name: string): BackendName {
  if (name === 'engine') throw new UserError('backend engine: not part of this version; use auto, which takes wasm');
  const known = backendNames.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  const names = backendNames.join(', ');
  throw new UserError(`backend ${name}: unknown; did you mean ${closest(name, [...backendNames])}? (known: ${names})`);
}
