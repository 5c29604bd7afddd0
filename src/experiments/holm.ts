// Many claims at once: the more of them are judged, the likelier it is that one is decided by chance alone.

import type { JudgedClaim, VerdictRow } from '../report/study-results.ts';
import { alpha } from './student-t.ts';

/**
 * Holm's adjusted p values, in the order given: each is to be compared with the level that all claims share.
 *
 * From the smallest p value on, the i-th of m (from 0) is multiplied by `m - i`, and none may be below the one before
 * it. If all claims with an adjusted p value below 0.05 are called decided, the probability that any of them is decided
 * wrongly is at most 5 %, however the claims depend on each other.
 *
 * Example: 0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02.
 * Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
 * (1979), 65-70.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * pValues[i]!));
    adjusted[i] = least;
  }
  return adjusted;
}

/** Gives every verdict its corrected one. A claim without a verdict counts, as one of p value 1. */
export function withHolm(claims: readonly JudgedClaim[]): VerdictRow[] {
  const adjusted = holmAdjusted(claims.map((row) => (row.verdict === null ? 1 : row.pValue)));
  return claims.map((row, i) => {
    if (row.verdict === null) return row;
    const pValue = adjusted[i]!;
    return { ...row, holm: { verdict: pValue < alpha ? row.verdict : 'not distinguishable', pValue } };
  });
}
