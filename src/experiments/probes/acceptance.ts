// How good the drafts of the MTP modules are.

import type { NamedTokens } from './named-tokens.ts';
import { add, none, type Tally } from './tally.ts';

/**
 * How often depth `depth` names the token that the main model names as many steps later, given the text: what speculative
 * decoding would accept.
 */
export function acceptance({ main, mtp }: NamedTokens, depth: number): Tally {
  return (mtp[depth - 1] ?? []).reduce((sum, drafts, row) => {
    const right = drafts.reduce((count, draft, i) => count + Number(draft === main[row]?.[i + depth]), 0);
    return add(sum, { right, all: drafts.length });
  }, none);
}
