// Where experts live when they serve: the load balancer of expert parallelism (EPLB).
//
// Source: deepseek-ai/EPLB, eplb.py, whose results these are: sorts are stable, the first of equals is taken, and loads
// are float32. Legend: L layers, E experts, R replicas (physical experts, slots), P GPUs.

import { UserError } from '../../errors.ts';
import { range } from '../schedule/range.ts';

export interface ExpertPlacement {
  /** The expert in each slot; slots of a GPU are next to each other. */
  readonly physicalToLogical: readonly (readonly number[])[]; // [L][R]
  /** The slots of each expert, filled up with -1 to as many as the most replicated expert of all layers has. */
  readonly logicalToPhysical: readonly (readonly (readonly number[])[])[]; // [L][E][most replicas]
  /** Replicas of each expert. */
  readonly counts: readonly (readonly number[])[]; // [L][E]
}

export interface PlacementOptions {
  /** Slots in all: experts and redundant experts. */
  readonly replicas: number;
  /** Groups of experts that routing keeps together (`nGroup`). */
  readonly groups: number;
  readonly nodes: number;
  readonly gpus: number;
}

/** Which pack an item is in, and where in it. */
interface Packing {
  readonly pack: readonly number[];
  readonly place: readonly number[];
}

/** Spreads items over packs of the same number of items: the heaviest first, each into the lightest pack with room. */
function packEvenly(weights: readonly number[], packs: number): Packing {
  const room = weights.length / packs;
  if (room === 1) return { pack: range(packs), place: range(packs).map(() => 0) };
  const pack: number[] = [];
  const place: number[] = [];
  const total = range(packs).map(() => 0);
  const items = range(packs).map(() => 0);
  for (const item of range(weights.length).sort((a, b) => weights[b]! - weights[a]!)) {
    const open = range(packs).filter((one) => items[one]! < room);
    const lightest = open.reduce((best, one) => (total[one]! < total[best]! ? one : best));
    pack[item] = lightest;
    place[item] = items[lightest]!;
    items[lightest]!++;
    total[lightest] = Math.fround(total[lightest]! + weights[item]!);
  }
  return { pack, place };
}

/** Gives the replicas that are left to the expert with the most load for each replica, one at a time. */
function replicate(weights: readonly number[], replicas: number): { logical: number[]; counts: number[] } {
  const logical = range(weights.length);
  const counts = weights.map(() => 1);
  const share = weights.map(Math.fround);
  while (logical.length < replicas) {
    const most = share.reduce((best, value, expert) => (value > share[best]! ? expert : best), 0);
    logical.push(most);
    counts[most]!++;
    share[most] = Math.fround(weights[most]! / counts[most]!);
  }
  return { logical, counts };
}

/** The slots of one layer: groups to nodes, replicas inside a node, replicas to the GPUs of the node. */
function placeLayer(weights: readonly number[], { replicas, groups, nodes, gpus }: PlacementOptions): Slot[] {
  const groupSize = weights.length / groups;
  const groupLoads = range(groups).map((group) =>
    weights.slice(group * groupSize, (group + 1) * groupSize).reduce((sum, one) => Math.fround(sum + one), 0),
  );
  const { pack, place } = packEvenly(groupLoads, nodes);
  const expertsOfNode = range(nodes).map(() => [] as number[]);
  range(groups)
    .sort((a, b) => pack[a]! - pack[b]! || place[a]! - place[b]!)
    .forEach((group) => {
      expertsOfNode[pack[group]!]!.push(...range(groupSize).map((index) => group * groupSize + index));
    });
  return expertsOfNode.flatMap((experts) => placeInNode(experts, weights, replicas / nodes, gpus / nodes));
}

/** What is in a slot: an expert, and which of its replicas (0 is the first that was made). */
interface Slot {
  readonly expert: number;
  readonly replica: number;
}

/** The slots of a node. */
function placeInNode(experts: readonly number[], weights: readonly number[], slots: number, gpus: number): Slot[] {
  const loads = experts.map((expert) => weights[expert]!);
  const { logical, counts } = replicate(loads, slots);
  const { pack, place } = packEvenly(
    logical.map((index) => Math.fround(loads[index]! / counts[index]!)),
    gpus,
  );
  const made = loads.map(() => 0);
  const placed: Slot[] = [];
  logical.forEach((index, item) => {
    placed[pack[item]! * (slots / gpus) + place[item]!] = { expert: experts[index]!, replica: made[index]! };
    made[index]!++;
  });
  return placed;
}

/**
 * Places experts and their replicas so that GPUs have about the same load.
 *
 * Hierarchical where groups can be shared out evenly among nodes, so that a group stays in one node and the traffic
 * between nodes that node-limited routing saves stays saved; global otherwise (one group, one node).
 *
 * `weights` [L][E]: the load of each expert.
 *
 * @throws {UserError} for numbers that do not divide, with the nearest that do
 */
export function placeExperts(weights: readonly (readonly number[])[], options: PlacementOptions): ExpertPlacement {
  const rounded = weights.map((layer) => layer.map(Math.fround));
  checkOptions(weights, options);
  const isHierarchical = options.groups % options.nodes === 0;
  const asked = isHierarchical ? options : { ...options, groups: 1, nodes: 1 };
  const placed = rounded.map((layer) => placeLayer(layer, asked));
  const counts = placed.map((layer, index) => countReplicas(layer, rounded[index]!.length));
  const most = counts.flat().reduce((a, b) => Math.max(a, b), 0);
  return {
    physicalToLogical: placed.map((layer) => layer.map(({ expert }) => expert)),
    logicalToPhysical: placed.map((layer, index) => slotsOf(layer, rounded[index]!.length, most)),
    counts,
  };
}

function countReplicas(layer: readonly Slot[], experts: number): number[] {
  const counts = range(experts).map(() => 0);
  for (const { expert } of layer) counts[expert]!++;
  return counts;
}

function slotsOf(layer: readonly Slot[], experts: number, most: number): number[][] {
  const slots = range(experts).map(() => range(most).map(() => -1));
  layer.forEach(({ expert, replica }, slot) => {
    slots[expert]![replica] = slot;
  });
  return slots;
}

/** The load of each GPU if every replica of an expert gets the same share of its load: [L][P]. */
export function gpuLoads(
  weights: readonly (readonly number[])[],
  physicalToLogical: readonly (readonly number[])[],
  gpus: number,
): number[][] {
  return physicalToLogical.map((layer, index) => {
    const counts = weights[index]!.map(() => 0);
    for (const expert of layer) counts[expert]!++;
    const perGpu = layer.length / gpus;
    return range(gpus).map((gpu) =>
      layer
        .slice(gpu * perGpu, (gpu + 1) * perGpu)
        .reduce((sum, expert) => sum + weights[index]![expert]! / counts[expert]!, 0),
    );
  });
}

/** The largest load as a multiple of the mean; 1 where there is none. */
export function maxOverMean(loads: readonly number[]): number {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return mean > 0 ? Math.max(...loads) / mean : 1;
}

/** The most slots of a layer: a guard against a mistyped number. */
const mostSlots = 65_536;

function checkOptions(weights: readonly (readonly number[])[], { replicas, groups, nodes, gpus }: PlacementOptions) {
  const experts = weights[0]?.length ?? 0;
  const fail = (problem: string): never => {
    throw new UserError(`eplb: ${problem}`);
  };
  if (experts === 0) fail('expected the loads of at least one layer and one expert');
  const uneven = weights.findIndex((layer) => layer.length !== experts);
  if (uneven >= 0) fail(`layer ${uneven} has ${weights[uneven]!.length} experts and layer 0 has ${experts}`);
  if (weights.some((layer) => layer.some((one) => !(one >= 0 && Number.isFinite(one)))))
    fail('a load must be a number that is not negative');
  for (const [name, value] of Object.entries({ replicas, groups, nodes, gpus })) {
    if (!(Number.isSafeInteger(value) && value >= 1 && value <= mostSlots))
      fail(`${name}: expected a whole number from 1 to ${mostSlots}, found ${value}`);
  }
  if (replicas < experts) fail(`${replicas} replicas cannot hold ${experts} experts; try ${roundUp(experts, gpus)}`);
  if (replicas % gpus !== 0)
    fail(`${replicas} replicas cannot be shared out among ${gpus} GPUs; try ${roundUp(replicas, gpus)}`);
  if (experts % groups !== 0)
    fail(`${experts} experts cannot be cut into ${groups} groups; try ${nearestDivisor(experts, groups)}`);
  if (gpus % nodes !== 0)
    fail(`${gpus} GPUs cannot be shared out among ${nodes} nodes; try ${nearestDivisor(gpus, nodes)}`);
}

const roundUp = (value: number, step: number) => Math.ceil(value / step) * step;

/** The divisor of `value` that is nearest to `wanted`. */
function nearestDivisor(value: number, wanted: number): number {
  const divisors = range(value)
    .map((index) => index + 1)
    .filter((divisor) => value % divisor === 0);
  return divisors.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best));
}
