// Where ranks stand in a layout.
//
// As in the report (section 3.2) the ranks of an expert-parallel group are also data-parallel: each computes attention
// and everything else for rows of its own, and only the routed experts are divided among them. So there are
// `ep * dp` replicas of a pipeline. Rank numbers run over the pipeline first, then over experts, then over copies.

import type { Layout } from '../layout.ts';

/** The most ranks that train here: each is a thread with an engine and tensors of its own. */
export const mostRanks = 64;

/** Where a rank stands in a layout. */
export interface Place {
  readonly rank: number;
  readonly pp: number;
  readonly ep: number;
  readonly dp: number;
}

export function ranksOf({ pp, ep, dp }: Layout): number {
  return pp * ep * dp;
}

/** Pipelines that train side by side, each on rows of its own. */
export function replicasOf({ ep, dp }: Layout): number {
  return ep * dp;
}

export function placeOf(rank: number, { pp, ep }: Layout): Place {
  const replica = Math.floor(rank / pp);
  return { rank, pp: rank % pp, ep: replica % ep, dp: Math.floor(replica / ep) };
}

/** The rank at place `pp` of a replica; replica `dp * ep' + ep` for the place (ep, dp). */
export function rankAt(pp: number, replica: number, layout: Layout): number {
  return replica * layout.pp + pp;
}

export function replicaOf({ ep, dp }: Place, layout: Layout): number {
  return dp * layout.ep + ep;
}

/** The place of a rank in words: `rank 3 (pp 1, ep 1, dp 0)`. */
export function describePlace({ rank, pp, ep, dp }: Place): string {
  return `rank ${rank} (pp ${pp}, ep ${ep}, dp ${dp})`;
}

/**
 * Ranks of an expert-parallel group that count as one node. The groups of experts that limit routing are the nodes, as
 * in the report (section 2.1.2); where the group has no more ranks than there are groups, each rank is a node.
 */
export function ranksPerNode({ ep }: Layout, { nGroup }: { readonly nGroup: number }): number {
  return ep > nGroup && ep % nGroup === 0 ? ep / nGroup : 1;
}
