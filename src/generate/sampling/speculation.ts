// The rule by which a drafted token is kept or replaced so that the result is distributed as the target model's own
// (Leviathan et al., arXiv:2211.17192, section 2.3; Chen et al., arXiv:2302.01318).

import type { TokenDistribution } from './token-distribution.ts';

/**
 * Whether to keep `draft`, which was drawn from `q`, as a draw from the target `p`: with probability min(1, p/q).
 *
 * `u` is uniform in [0, 1) and independent of the draft.
 */
export function keepsDraft(p: TokenDistribution, q: TokenDistribution, draft: number, u: number): boolean {
  return u * q.probability(draft) < p.probability(draft);
}

/**
 * What replaces a draft that was not kept: the token at quantile `u` of the part of `p` that exceeds `q`, scaled to a
 * sum of 1.
 *
 * @param excess work space of the size of the vocabulary; all zero before the call and after it.
 */
export function replaceDraft(p: TokenDistribution, q: TokenDistribution, u: number, excess: Float64Array): number {
  for (let i = 0; i < q.count; i++) excess[q.ids[i]!] = q.weights[i]! / q.total;
  const token = drawExcess(p, u, excess);
  for (let i = 0; i < q.count; i++) excess[q.ids[i]!] = 0;
  return token;
}

function drawExcess(p: TokenDistribution, u: number, q: Float64Array): number {
  const excessAt = (i: number) => Math.max(0, p.weights[i]! / p.total - q[p.ids[i]!]!);
  let total = 0;
  for (let i = 0; i < p.count; i++) total += excessAt(i);
  let left = u * total;
  let last = -1;
  for (let i = 0; i < p.count; i++) {
    const excess = excessAt(i);
    if (excess === 0) continue;
    last = p.ids[i]!;
    left -= excess;
    if (left < 0) return last;
  }
  // Nothing exceeds where both are equal up to rounding; p itself is the answer then.
  return last === -1 ? p.draw(u) : last;
}
