// What a service moves when it places its experts anew in every interval.

import { deepseekV3 } from '../../config/model-presets.ts';
import type { ExpertPlacement, PlacementOptions } from './eplb.ts';
import { fetchedExperts, keepSlots, type Slots } from './keep-slots.ts';

/** Experts that GPUs fetch from others for one rebalance, in all layers. */
export interface Moves {
  /** GPUs and slots keep what they can. */
  readonly fetched: number;
  /** The placement is taken as the balancer wrote it down. */
  readonly fetchedAsPlaced: number;
}

/** An expert of DeepSeek-V3: three matrices, a byte a number (FP8; scales are left out). */
export const expertBytes = 3 * deepseekV3.hiddenSize * deepseekV3.moeIntermediateSize;

/** The moves of each rebalance: from `start` to the first placement, from there to the second, and so on. */
export function movesOf(start: Slots, placements: readonly ExpertPlacement[], machines: PlacementOptions): Moves[] {
  let [kept, asPlaced] = [start, start];
  return placements.map((placement) => {
    const next = keepSlots(kept, placement, machines).physicalToLogical;
    const moves = {
      fetched: fetchedExperts(kept, next, machines.gpus),
      fetchedAsPlaced: fetchedExperts(asPlaced, placement.physicalToLogical, machines.gpus),
    };
    [kept, asPlaced] = [next, placement.physicalToLogical];
    return moves;
  });
}
