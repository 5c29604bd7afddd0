// Where tokens go: rows sorted by expert, and back. No token is dropped and nothing is padded to a capacity.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts.

/** A stable order of all (token, slot) pairs by expert. */
export interface DispatchPlan {
  /** For each row, in order of experts, the index `token * K + slot` it comes from [M]. */
  readonly order: Int32Array;
  /** The token of each row, `floor(order / K)` [M]. */
  readonly tokens: Int32Array;
  /** For each (token, slot), its row: the inverse of `order` [M]. */
  readonly rowOf: Int32Array;
  /** Rows per expert [E]; they sum to M. */
  readonly counts: Int32Array;
}

/**
 * Counting sort of the selections by expert; tokens stay in order within an expert, so results repeat exactly.
 *
 * Example: experts of 3 tokens [[1, 0], [1, 2], [0, 1]] (K = 2, E = 3) give order [1, 4, 0, 2, 5, 3], tokens
 * [0, 2, 0, 1, 2, 1] and counts [2, 3, 1].
 */
export function planDispatch(topkIndices: Int32Array, K: number, E: number): DispatchPlan {
  const counts = new Int32Array(E);
  for (const expert of topkIndices) counts[expert]!++;
  const next = new Int32Array(E);
  for (let e = 1; e < E; e++) next[e] = next[e - 1]! + counts[e - 1]!;
  const M = topkIndices.length;
  const plan = { order: new Int32Array(M), tokens: new Int32Array(M), rowOf: new Int32Array(M), counts };
  for (let i = 0; i < M; i++) {
    const row = next[topkIndices[i]!]!++;
    plan.order[row] = i;
    plan.tokens[row] = Math.floor(i / K);
    plan.rowOf[i] = row;
  }
  return plan;
}
