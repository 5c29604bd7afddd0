// Dynamic redundancy, which the report explores for prefill (section 3.4.1): each GPU holds more experts than it may
// use in a step (16, of which 9), and before each layer the tokens are shared out among those that hold their experts.
// Legend: E experts, P GPUs.
//
// The best way to share out is a flow problem; with a limit of experts in use it is a hard one. Here the busiest GPU
// gives tokens away, over other GPUs where it must, until it cannot. Without the limit this ends at the best way there
// is, and with it at a good one.

import { range } from '../schedule/range.ts';
import type { PlacementOptions } from './eplb.ts';
import type { Slots } from './keep-slots.ts';
import type { ServingUnit } from './unit.ts';
import type { Weights } from './unit-placement.ts';

/** Experts of a GPU. */
export interface DynamicUnit {
  /** Held. */
  readonly held: number;
  /** The most that are used in a step. */
  readonly used: number;
}

/** Twice the experts that a GPU has without redundancy, and in use as many as with it. Null in decode. */
export function dynamicUnit({ phase, gpus, redundant }: ServingUnit, experts: number): DynamicUnit | null {
  if (phase === 'decode') return null;
  const used = (experts + redundant) / gpus;
  return { held: Math.min(experts, Math.max((2 * experts) / gpus, used)), used: Math.min(experts, used) };
}

/**
 * Tokens of each GPU [L][P] in a step that chooses experts as `weights` has it [L][E].
 *
 * `slots` is the placement for redundancy that is not dynamic, which GPUs hold first; `known` [L][E] are the loads that
 * it was made for.
 */
export function dynamicLoads(
  weights: Weights,
  known: Weights,
  slots: Slots,
  { groups, nodes, gpus }: PlacementOptions,
  unit: DynamicUnit,
): number[][] {
  return weights.map((counts, layer) => {
    const perGpu = slots[layer]!.length / gpus;
    const planned = range(gpus).map((gpu) =>
      slots[layer]!.slice(gpu * perGpu, (gpu + 1) * perGpu).filter((expert) => expert >= 0),
    );
    const held = holdMore(known[layer]!, planned, groups % nodes === 0 ? nodes : 1, unit.held);
    return sharedLoads(counts, held, unit.used, planned);
  });
}

/** What each GPU holds: [P][experts]. */
export type Held = readonly (readonly number[])[];

/**
 * Gives each GPU more experts of its node, up to `perGpu`, beside those that it has: the next copy is of the expert
 * with the fewest, of the most loaded one where several have as few. Where the load goes next is not known.
 *
 * `weights` [E]; `held` [P], the GPUs of a node next to each other.
 */
export function holdMore(weights: readonly number[], held: Held, nodes: number, perGpu: number): number[][] {
  const all = held.map((experts) => [...new Set(experts)]);
  const perNode = held.length / nodes;
  for (let node = 0; node < nodes; node++) {
    const gpus = all.slice(node * perNode, (node + 1) * perNode);
    for (;;) {
      const open = gpus.filter((experts) => experts.length < perGpu);
      const candidates = [...new Set(gpus.flat())].filter((expert) => open.some((own) => !own.includes(expert)));
      if (candidates.length === 0) break;
      const copies = (expert: number) => gpus.filter((own) => own.includes(expert)).length;
      const [next] = candidates.sort((a, b) => copies(a) - copies(b) || weights[b]! - weights[a]! || a - b);
      const without = open.filter((own) => !own.includes(next!));
      without.reduce((best, own) => (own.length < best.length ? own : best)).push(next!);
    }
  }
  return all;
}

/**
 * Tokens of each GPU [P] when those of each expert `counts` [E] are shared out among the GPUs that hold it, of which
 * each uses at most `active` experts. `planned` [P] are experts that GPUs may use from the start; every expert that has
 * tokens is among them.
 */
export function sharedLoads(counts: readonly number[], held: Held, active: number, planned: Held): number[] {
  const one = evenOut(evenShares(counts, planned), held, active);
  const other = evenOut(firstShares(counts, planned), held, active);
  return Math.max(...one) < Math.max(...other) ? one : other;
}

/** Tokens of each expert at each GPU: [P][E]. */
type Shares = number[][];

const holdersOf = (held: Held, expert: number) => range(held.length).filter((gpu) => held[gpu]!.includes(expert));

/** As without dynamic redundancy: every GPU that has an expert takes as much of it. */
function evenShares(counts: readonly number[], planned: Held): Shares {
  const shares = planned.map(() => counts.map(() => 0));
  counts.forEach((count, expert) => {
    const gpus = holdersOf(planned, expert);
    gpus.forEach((gpu, at) => {
      shares[gpu]![expert] = Math.floor(((at + 1) * count) / gpus.length) - Math.floor((at * count) / gpus.length);
    });
  });
  return shares;
}

/** Each expert at one GPU, which leaves the redundant places of all open: the most loaded first, where least is. */
function firstShares(counts: readonly number[], planned: Held): Shares {
  const shares = planned.map(() => counts.map(() => 0));
  for (const expert of range(counts.length).sort((a, b) => counts[b]! - counts[a]!)) {
    const gpus = holdersOf(planned, expert);
    const lightest = gpus.reduce((best, gpu) => (sum(shares[gpu]!) < sum(shares[best]!) ? gpu : best), gpus[0]!);
    shares[lightest]![expert] = counts[expert]!;
  }
  return shares;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** A hand-over: tokens of an expert from one GPU to another that holds it. */
interface Move {
  readonly from: number;
  readonly to: number;
  readonly expert: number;
}

function evenOut(shares: Shares, held: Held, active: number): number[] {
  const loads = shares.map(sum);
  for (;;) {
    const busiest = loads.reduce((best, load, gpu) => (load > loads[best]! ? gpu : best), 0);
    const path = pathFrom(busiest, shares, loads, held, active);
    if (path === null) return loads;
    const last = path.at(-1)!.to;
    const room = Math.floor((loads[busiest]! - loads[last]!) / 2);
    const tokens = Math.min(room, ...path.map(({ from, expert }) => shares[from]![expert]!));
    for (const { from, to, expert } of path) {
      shares[from]![expert]! -= tokens;
      shares[to]![expert]! += tokens;
    }
    loads[busiest]! -= tokens;
    loads[last]! += tokens;
  }
}

/** The shortest way to a GPU with at least two tokens less; null where there is none. */
function pathFrom(busiest: number, shares: Shares, loads: readonly number[], held: Held, active: number) {
  const cameBy = new Map<number, Move | null>([[busiest, null]]);
  const used = shares.map((own) => own.filter((tokens) => tokens > 0).length);
  for (const from of cameBy.keys()) {
    if (loads[from]! <= loads[busiest]! - 2) return pathTo(from, cameBy);
    for (const to of range(loads.length).filter((gpu) => !cameBy.has(gpu))) {
      const possible = held[to]!.filter(
        (expert) => shares[from]![expert]! > 0 && (shares[to]![expert]! > 0 || used[to]! < active),
      );
      if (possible.length === 0) continue;
      const expert = possible.reduce((best, one) => (shares[from]![one]! > shares[from]![best]! ? one : best));
      cameBy.set(to, { from, to, expert });
    }
  }
  return null;
}

function pathTo(gpu: number, cameBy: ReadonlyMap<number, Move | null>): Move[] {
  const move = cameBy.get(gpu)!;
  return move === null ? [] : [...pathTo(move.from, cameBy), move];
}
