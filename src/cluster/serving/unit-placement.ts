// Experts on the GPUs of a serving unit, and how busy that makes each GPU.

import { range } from '../schedule/range.ts';
import { type ExpertPlacement, gpuLoads, type PlacementOptions, placeExperts } from './eplb.ts';
import type { Slots } from './keep-slots.ts';
import type { ServingUnit } from './unit.ts';

/** Loads of experts [L][E], the shared one included where it is placed like the others. */
export type Weights = readonly (readonly number[])[];

/** What the balancer is told of a unit for `experts` experts; `groups` are those that routing keeps together. */
export function machinesOf({ phase, gpus, nodes, redundant }: ServingUnit, experts: number, groups: number) {
  const replicas = experts + redundant;
  // One expert a GPU needs no place in a node; groups have no shared expert.
  const machines = phase === 'decode' ? { groups: 1, nodes: 1, gpus: replicas } : { groups, nodes, gpus };
  return { replicas, ...machines } satisfies PlacementOptions;
}

export function placeOn(weights: Weights, unit: ServingUnit, groups: number): ExpertPlacement {
  return placeExperts(weights, machinesOf(unit, weights[0]!.length, groups));
}

/** Experts in order, none twice; slots for redundant ones are there and empty (-1). */
export function inOrder(layers: number, experts: number, { replicas, gpus }: PlacementOptions): Slots {
  const own = Math.ceil(experts / gpus);
  const layer = range(gpus).flatMap((gpu) =>
    range(replicas / gpus).map((slot) => (slot < own && gpu * own + slot < experts ? gpu * own + slot : -1)),
  );
  return range(layers).map(() => layer);
}

/** Loads of the GPUs as multiples of the mean over all of the unit's, also where some hold no expert. */
export function multiples(weights: Weights, slots: Slots, { phase, gpus }: ServingUnit): number[][] {
  const used = phase === 'decode' ? slots[0]!.length : gpus;
  return gpuLoads(weights, slots, used).map((layer) => {
    const each = layer.reduce((sum, load) => sum + load, 0) / gpus;
    return [...layer, ...range(gpus - used).map(() => 0)].map((load) => (each > 0 ? load / each : 1));
  });
}
