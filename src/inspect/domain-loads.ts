// Which experts the texts of each domain use.

import type { EvalResult } from '../train/events.ts';
import { relativeLoads } from './router-history.ts';

/** Domains by experts of one layer. */
export interface DomainLoads {
  readonly domains: readonly string[];
  /** The load of each expert as a multiple of the mean load of its domain [domains, E]: 1 is perfect balance. */
  readonly loads: Float32Array;
}

/** The loads that an evaluation counted in one layer, domain by domain: its `domains`. */
export function domainLoads(domains: EvalResult['domains'], layer: number): DomainLoads {
  const rows = domains.map(({ load }) => relativeLoads(load.find((of) => of.layer === layer)?.counts ?? []));
  const loads = new Float32Array(rows.reduce((length, row) => length + row.length, 0));
  let at = 0;
  for (const row of rows) {
    loads.set(row, at);
    at += row.length;
  }
  return { domains: domains.map(({ name }) => name), loads };
}
