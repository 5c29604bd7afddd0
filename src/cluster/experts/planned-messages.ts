// What ranks send to each other for their experts, told from the choices of the routers alone; what they measure in
// training is equal to it.
//
// Legend: N tokens of a rank, K experts per token, D hiddenSize.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Layout } from '../layout.ts';
import type { MessageFormat } from '../ranks/bytes.ts';
import { ranksPerNode } from '../ranks/places.ts';
import { range } from '../schedule/range.ts';
import { rowBytes } from './row-format.ts';

/** Bytes that a rank sends to others for one layer on one micro-batch, forward and backward. */
export interface ExpertMessages {
  readonly experts: number;
  /** The part that goes to other nodes. */
  readonly betweenNodes: number;
}

/** Rows that go from one rank to another, copies to itself left out. */
interface Rows {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly isBetweenNodes: boolean;
}

/**
 * The messages of each rank of an expert-parallel group, by its place there.
 *
 * `choices` [ep][N][K]: the experts that the tokens of each rank chose in the layer.
 *
 * On the way out a row carries its choices, its hidden state and its gates; on the way back what the experts made of
 * it. The backward pass goes the same ways with gradients: hidden states out, hidden states and gates back. Before the
 * first row, each rank tells the others how many will come, in a number of 4 bytes.
 */
export function expertMessages(
  choices: readonly (readonly (readonly number[])[])[],
  layout: Layout,
  config: Pick<ModelConfig, 'nRoutedExperts' | 'nGroup' | 'hiddenSize' | 'numExpertsPerTok'>,
  format: MessageFormat,
): ExpertMessages[] {
  const { ep } = layout;
  const perNode = ranksPerNode(layout, config);
  const { dispatch, combine } = rowBytes(format, config.hiddenSize);
  const numbers = 4 * config.numExpertsPerTok;
  const out = numbers + dispatch + numbers + dispatch; // choices, states, gates; gradients of what came back
  const back = combine + combine + numbers; // what experts made; gradients of states and of gates
  const sent = range(ep).map(() => ({ experts: 0, betweenNodes: 0 }));
  const add = (rank: number, bytes: number, isBetweenNodes: boolean) => {
    sent[rank]!.experts += bytes;
    if (isBetweenNodes) sent[rank]!.betweenNodes += bytes;
  };
  for (const { from, to, rows, isBetweenNodes } of travelling(choices, ep, perNode, config.nRoutedExperts / ep)) {
    add(from, rows * out, isBetweenNodes);
    add(to, rows * back, isBetweenNodes);
  }
  const others = ep / perNode - 1 + (perNode - 1);
  for (const own of sent) own.experts += 4 * others;
  return sent;
}

/** A row goes once to each node that it needs, to the seat that it comes from, and from there once to each rank. */
function travelling(
  choices: readonly (readonly (readonly number[])[])[],
  ep: number,
  perNode: number,
  experts: number,
): Rows[] {
  const counts = new Map<number, number>();
  const count = (from: number, to: number) => {
    if (from !== to) counts.set(from * ep + to, (counts.get(from * ep + to) ?? 0) + 1);
  };
  for (const [rank, tokens] of choices.entries()) {
    for (const chosen of tokens) {
      const holders = new Set(chosen.map((expert) => Math.floor(expert / experts)));
      const seatIn = (node: number) => node * perNode + (rank % perNode);
      for (const node of new Set([...holders].map((holder) => Math.floor(holder / perNode)))) {
        count(rank, seatIn(node));
        if (perNode > 1) for (const to of holders) if (Math.floor(to / perNode) === node) count(seatIn(node), to);
      }
    }
  }
  return Array.from(counts, ([pair, rows]) => {
    const [from, to] = [Math.floor(pair / ep), pair % ep];
    return { from, to, rows, isBetweenNodes: Math.floor(from / perNode) !== Math.floor(to / perNode) };
  });
}
