// A new placement that moves as few experts as it can.
//
// The GPUs of a node are alike, and so are the nodes: what the balancer made for one of them may as well be given to
// another, at the same loads. Of all placements that are equal in this sense, this one leaves the most experts where
// they are. Inside a GPU, an expert that stays keeps its slot.
//
// Differs from vLLM (vllm/distributed/eplb/policy/default.py, preserve_intragpu_slots), which keeps slots inside a GPU
// and exchanges no GPUs. Legend: L layers, R slots.

import { UserError } from '../../errors.ts';
import { range } from '../schedule/range.ts';
import { bestAssignment } from './assignment.ts';
import type { ExpertPlacement, PlacementOptions } from './eplb.ts';

/** The expert in each slot, -1 for an empty one; slots of a GPU are next to each other. */
export type Slots = readonly (readonly number[])[]; // [L][R]

/** What the GPUs are: see `PlacementOptions`. */
export type Machines = Pick<PlacementOptions, 'groups' | 'nodes' | 'gpus'>;

/**
 * The same placement, with GPUs and slots in the order that keeps the most of `before`. `machines` are those that it
 * was made for.
 *
 * @throws {UserError} if `before` has other layers, slots or experts
 */
export function keepSlots(before: Slots, placement: ExpertPlacement, machines: Machines): ExpertPlacement {
  const { physicalToLogical, logicalToPhysical, counts } = placement;
  checkBefore(before, placement);
  // Slots of the new placement, in their new order.
  const orders = physicalToLogical.map((layer, index) => orderOf(before[index]!, layer, machines));
  return {
    physicalToLogical: physicalToLogical.map((layer, index) => orders[index]!.map((slot) => layer[slot]!)),
    logicalToPhysical: logicalToPhysical.map((layer, index) => {
      const placeOf = inverse(orders[index]!);
      return layer.map((slots) => slots.map((slot) => (slot < 0 ? slot : placeOf[slot]!)));
    }),
    counts,
  };
}

function checkBefore(before: Slots, { physicalToLogical, counts }: ExpertPlacement): void {
  const [layers, slots, experts] = [physicalToLogical.length, physicalToLogical[0]!.length, counts[0]!.length];
  const isExpert = (expert: number) => Number.isInteger(expert) && expert >= -1 && expert < experts;
  if (before.length === layers && before.every((layer) => layer.length === slots && layer.every(isExpert))) return;
  throw new UserError(
    `eplb: the placement before must have ${layers} ${layers === 1 ? 'layer' : 'layers'} of ${slots} slots, each with ` +
      `one of ${experts} experts, or -1 where it is empty; leave it out to place them from the start`,
  );
}

/** How many experts GPUs have to fetch when a placement takes the place of another; all layers. */
export function fetchedExperts(before: Slots, after: Slots, gpus: number): number {
  return after.reduce((sum, layer, index) => {
    const [old, now] = [before[index]!, layer].map((slots) => shares(slots, gpus));
    return sum + now!.reduce((fetched, experts, gpu) => fetched + missing(old![gpu]!, experts), 0);
  }, 0);
}

/** Experts of `now` that `old` lacks, each counted once. */
const missing = (old: readonly number[], now: readonly number[]) =>
  [...new Set(now)].filter((expert) => expert >= 0 && !old.includes(expert)).length;

const common = (old: readonly number[], now: readonly number[]) =>
  [...new Set(now)].filter((expert) => expert >= 0 && old.includes(expert)).length;

/** The slots in as many equal parts. */
function shares(slots: readonly number[], parts: number): number[][] {
  const each = slots.length / parts;
  return range(parts).map((part) => slots.slice(part * each, (part + 1) * each));
}

function orderOf(before: readonly number[], after: readonly number[], { groups, nodes: asked, gpus }: Machines) {
  // Where groups cannot be shared out among nodes, the balancer knows no nodes, and all GPUs are alike.
  const nodes = groups % asked === 0 ? asked : 1;
  const perNode = gpus / nodes;
  const perGpu = after.length / gpus;
  const [old, now] = [shares(before, gpus), shares(after, gpus)];
  const gpuPairs = (oldNode: number, newNode: number) =>
    pairUp(perNode, (one, other) => common(old[oldNode * perNode + one]!, now[newNode * perNode + other]!));
  const nodePairs = pairUp(nodes, (oldNode, newNode) => gpuPairs(oldNode, newNode).total);
  return range(nodes).flatMap((node) => {
    const newNode = nodePairs.partnerOf[node]!;
    return gpuPairs(node, newNode).partnerOf.flatMap((partner, place) => {
      const gpu = newNode * perNode + partner;
      return slotOrder(old[node * perNode + place]!, now[gpu]!).map((slot) => gpu * perGpu + slot);
    });
  });
}

/** The partner of each of `count` old ones; of equally good ways, one that leaves more as they are. */
function pairUp(count: number, value: (old: number, now: number) => number) {
  const values = range(count).map((old) => range(count).map((now) => value(old, now)));
  const partnerOf = bestAssignment(
    values.map((row, old) => row.map((one, now) => one * (count + 1) + (old === now ? 1 : 0))),
  );
  return { partnerOf, total: partnerOf.reduce((sum, now, old) => sum + values[old]![now]!, 0) };
}

/** The slots of a GPU's new experts in the order that keeps those of its old ones; the others fill up what is left. */
function slotOrder(old: readonly number[], now: readonly number[]): number[] {
  const left = range(now.length);
  const take = (isWanted: (slot: number) => boolean) => {
    const at = left.findIndex(isWanted);
    return at < 0 ? null : left.splice(at, 1)[0]!;
  };
  const kept = now.map((_, slot) => (old[slot] === undefined ? null : take((other) => now[other] === old[slot])));
  return kept.map((slot) => slot ?? take(() => true)!);
}

function inverse(order: readonly number[]): number[] {
  const places: number[] = [];
  order.forEach((slot, place) => {
    places[slot] = place;
  });
  return places;
}
