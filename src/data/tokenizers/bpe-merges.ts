// Byte pair encoding of one word: merge the neighbours of the lowest rank until none are left that merge.
//
// With a heap the cost is n log n in the length of the word, so that a megabyte without a blank is no trap.

import { createPairHeap } from './pair-heap.ts';

/** Ids of two neighbours and of the token that replaces them. */
export type Merge = readonly [left: number, right: number, merged: number];

/** Ids must be below this, so that a pair of them is one exact number. */
export const maxTokenId = 2 ** 21;

/** Merges by their pair; the rank of a merge is its place in the list. */
export interface MergeTable {
  add(merge: Merge): void;
  /** Rank of a pair, or undefined if it does not merge. */
  rank(left: number, right: number): number | undefined;
  /** Id of the token that the merge of this rank makes. */
  merged(rank: number): number;
}

/** A table of the given merges, first is strongest; a pair that comes twice keeps its first rank. */
export function createMergeTable(merges: Iterable<Merge> = []): MergeTable {
  const ranks = new Map<number, number>();
  const results: number[] = [];
  const table: MergeTable = {
    add([left, right, merged]) {
      const key = left * maxTokenId + right;
      if (!ranks.has(key)) ranks.set(key, results.length);
      results.push(merged);
    },
    rank: (left, right) => ranks.get(left * maxTokenId + right),
    merged: (rank) => results[rank]!,
  };
  for (const merge of merges) table.add(merge);
  return table;
}

/**
 * Merges a word of token ids; of equal ranks the leftmost goes first.
 *
 * Example: merges [a b], [ab c] turn `a b c a b` into `abc ab`.
 */
export function applyMerges(word: ArrayLike<number>, table: MergeTable): number[] {
  const ids = Array.from(word);
  const next = ids.map((_, i) => i + 1);
  const previous = ids.map((_, i) => i - 1);
  const heap = createPairHeap();
  const offer = (i: number): void => {
    const right = i < 0 ? undefined : ids[next[i]!];
    const rank = right === undefined ? undefined : table.rank(ids[i]!, right);
    if (rank !== undefined) heap.push(rank, i);
  };
  for (let i = 0; i < ids.length; i++) offer(i);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const [rank, i] = top;
    const j = next[i]!;
    // A stale entry: one of the two has merged with another neighbour since. A removed id is -1, which never merges.
    if (j >= ids.length || table.rank(ids[i]!, ids[j]!) !== rank) continue;
    ids[i] = table.merged(rank);
    ids[j] = -1;
    next[i] = next[j]!;
    if (next[i]! < ids.length) previous[next[i]!] = i;
    offer(previous[i]!);
    offer(i);
  }
  return ids.filter((id) => id >= 0);
}
