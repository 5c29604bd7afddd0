// The ways between the ranks of an expert-parallel group.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Layout } from '../layout.ts';
import type { RankMail } from '../ranks/mailbox.ts';
import { type Place, rankAt, ranksPerNode } from '../ranks/places.ts';
import type { Group } from './exchange.ts';
import type { Leg, Roads } from './travel.ts';

/**
 * From one rank to the experts of all: directly where each rank is a node, and where nodes have several ranks first to
 * the node, at the same place within it, and from there to the rank.
 */
export function roadsOf(mailbox: RankMail, place: Place, layout: Layout, config: ModelConfig): Roads {
  const { ep } = layout;
  const experts = config.nRoutedExperts / ep;
  const perNode = ranksPerNode(layout, config);
  const nodes = ep / perNode;
  const [node, seat] = [Math.floor(place.ep / perNode), place.ep % perNode];
  const holderOf = (expert: number) => Math.floor(expert / experts);
  const group = (name: string, members: readonly number[], isBetweenNodes: boolean): Group => {
    const ranks = members.map((member) => rankAt(place.pp, place.dp * ep + member, layout));
    return { mailbox, members: ranks, isBetweenNodes, name, count: 0 };
  };
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const toNode: Leg = {
    group: group(
      'node',
      range(nodes).map((n) => n * perNode + seat),
      true,
    ),
    memberOf: (expert) => Math.floor(holderOf(expert) / perNode),
  };
  const withinNode: Leg = {
    group: group(
      'seat',
      range(perNode).map((s) => node * perNode + s),
      false,
    ),
    memberOf: (expert) => {
      const holder = holderOf(expert);
      return Math.floor(holder / perNode) === node ? holder % perNode : null;
    },
  };
  return { legs: perNode === 1 ? [toNode] : [toNode, withinNode], firstExpert: place.ep * experts, experts };
}
