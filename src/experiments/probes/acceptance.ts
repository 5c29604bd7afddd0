// How good the drafts of the MTP modules are.

import type { NamedTokens } from './named-tokens.ts';
import { add, none, type Tally } from './tally.ts';

/**
 * Counts the positions at which depth `depth` predicts the token that the main model, given the text, predicts `depth`
 * steps later. These are the drafts that speculative decoding would accept.
 */
export function acceptance({ main, mtp }: NamedTokens, depth: number): Tally {
  return (mtp[depth - 1] ?? []).reduce((sum, drafts, row) => {
    const right = drafts.reduce((count, draft, i) => count + Number(draft === main[row]?.[i + depth]), 0);
    return add(sum, { right, all: drafts.length });
  }, none);
}
