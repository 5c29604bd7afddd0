// What the all-to-all of an expert-parallel layer sends, counted from the experts that tokens chose.
//
// The ranks hold E / ranks experts each, in order, and `gpusPerNode` ranks are a node. A token goes over InfiniBand to
// each node that has one of its experts, once, to the GPU with the index of its own; from there NVLink takes it to each
// GPU with one of its experts (report 3.2.2).

import type { ModelConfig } from '../../config/model-config.ts';
import { createRandom } from '../../data/random.ts';
import { range } from '../schedule/range.ts';
import { maxOverMean } from '../serving/eplb.ts';

/** Means over tokens, except the loads. */
export interface Traffic {
  readonly tokens: number;
  /** Copies over InfiniBand: one for each other node with an expert of the token. */
  readonly infinibandCopies: number;
  /** The same without the saving: one for each expert on another node. */
  readonly infinibandCopiesPerExpert: number;
  /** The most copies over InfiniBand that a token needed. */
  readonly mostInfinibandCopies: number;
  /** Copies over NVLink: one for each GPU with an expert of the token, except where the token is already. */
  readonly nvlinkCopies: number;
  /** Nodes with an expert of the token, its own included. */
  readonly nodes: number;
  /** Rows that each rank computes: [ranks]. */
  readonly rankLoads: readonly number[];
  /** The largest of them as a multiple of the mean. */
  readonly imbalance: number;
}

export interface Placement {
  readonly experts: number;
  readonly ranks: number;
  readonly gpusPerNode: number;
}

/**
 * Counts the traffic of one layer. The tokens [N][K] are shared out among the ranks in order, as many to each.
 */
export function countTraffic(choices: readonly (readonly number[])[], placement: Placement): Traffic {
  const { experts, ranks, gpusPerNode } = placement;
  const rankLoads = range(ranks).map(() => 0);
  const sums = { copies: 0, perExpert: 0, nvlink: 0, nodes: 0 };
  let most = 0;
  choices.forEach((chosen, token) => {
    const home = Math.floor((token * ranks) / choices.length);
    const homeNode = Math.floor(home / gpusPerNode);
    const targets = chosen.map((expert) => Math.floor((expert * ranks) / experts));
    for (const rank of targets) rankLoads[rank]!++;
    const gpus = new Set(targets);
    const nodes = new Set(targets.map((rank) => Math.floor(rank / gpusPerNode)));
    const otherNodes = nodes.size - (nodes.has(homeNode) ? 1 : 0);
    // Where the token arrives in a node: at the GPU with the index of its own.
    const arrivals = [...nodes].map((node) => node * gpusPerNode + (home % gpusPerNode));
    sums.copies += otherNodes;
    sums.perExpert += targets.filter((rank) => Math.floor(rank / gpusPerNode) !== homeNode).length;
    sums.nvlink += gpus.size - arrivals.filter((rank) => gpus.has(rank)).length;
    sums.nodes += nodes.size;
    most = Math.max(most, otherNodes);
  });
  const mean = (sum: number) => (choices.length === 0 ? 0 : sum / choices.length);
  return {
    tokens: choices.length,
    infinibandCopies: mean(sums.copies),
    infinibandCopiesPerExpert: mean(sums.perExpert),
    mostInfinibandCopies: most,
    nvlinkCopies: mean(sums.nvlink),
    nodes: mean(sums.nodes),
    rankLoads,
    imbalance: maxOverMean(rankLoads),
  };
}

/** The mean of several layers; loads are summed rank by rank. */
export function meanTraffic(layers: readonly Traffic[]): Traffic {
  const mean = (of: (one: Traffic) => number) => layers.reduce((sum, one) => sum + of(one), 0) / layers.length;
  return {
    tokens: layers.reduce((sum, { tokens }) => sum + tokens, 0),
    infinibandCopies: mean((one) => one.infinibandCopies),
    infinibandCopiesPerExpert: mean((one) => one.infinibandCopiesPerExpert),
    mostInfinibandCopies: Math.max(...layers.map((one) => one.mostInfinibandCopies)),
    nvlinkCopies: mean((one) => one.nvlinkCopies),
    nodes: mean((one) => one.nodes),
    rankLoads: layers[0]!.rankLoads.map((_, rank) => layers.reduce((sum, { rankLoads }) => sum + rankLoads[rank]!, 0)),
    imbalance: mean((one) => one.imbalance),
  };
}

/** Choices [N][K] of a router with no preferences that keeps to `topkGroup` of `nGroup` groups. */
export function uniformChoices(config: ModelConfig, tokens: number): number[][] {
  const { nRoutedExperts, numExpertsPerTok, nGroup, topkGroup } = config;
  const random = createRandom('uniform routing', nRoutedExperts, nGroup);
  const size = nRoutedExperts / nGroup;
  const draw = (from: readonly number[], count: number) => {
    const left = [...from];
    return range(count).map(() => left.splice(random.below(left.length), 1)[0]!);
  };
  return range(tokens).map(() => {
    const groups = draw(range(nGroup), topkGroup);
    return draw(
      groups.flatMap((group) => range(size).map((index) => group * size + index)),
      numExpertsPerTok,
    );
  });
}
