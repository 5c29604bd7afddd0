// How ranks share the work: pipeline, expert and data parallelism.

import { UserError } from '../errors.ts';

/**
 * `pp` stages of a pipeline; `ep` ranks that share the experts of a layer, each of which reads its own part of the
 * batch; `dp` copies of that. There are pp * ep * dp ranks.
 */
export interface Layout {
  readonly pp: number;
  readonly ep: number;
  readonly dp: number;
}

const keys = ['pp', 'ep', 'dp'] as const;
type Key = (typeof keys)[number];

/**
 * Reads `pp=16,ep=64,dp=2`; what is left out is 1.
 *
 * @throws {UserError} that shows how it is written
 */
export function parseLayout(text: string): Layout {
  const layout: Record<Key, number> = { pp: 1, ep: 1, dp: 1 };
  const given = new Set<string>();
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    const key = keys.find((candidate) => candidate === name);
    if (key === undefined || given.has(key) || !(Number(value) >= 1 && Number(value) <= 65_536))
      throw new UserError(
        `layout: expected pp=16,ep=64,dp=2 with numbers from 1 to 65536, found ${JSON.stringify(text)}`,
      );
    given.add(key);
    layout[key] = Number(value);
  }
  return layout;
}

/** As `parseLayout` reads it. */
export function layoutText({ pp, ep, dp }: Layout): string {
  return `pp=${pp},ep=${ep},dp=${dp}`;
}
