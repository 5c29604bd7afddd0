// How evenly the GPUs of a serving unit are loaded, with and without redundant experts, as the text changes.

import { UserError } from '../../errors.ts';
import { expertCounts, type RoutingTrace } from '../routing-trace.ts';
import { range } from '../schedule/range.ts';
import { dynamicLoads, dynamicUnit, type DynamicUnit } from './dynamic-redundancy.ts';
import { maxOverMean } from './eplb.ts';
import type { Slots } from './keep-slots.ts';
import { expertBytes, type Moves, movesOf } from './rebalance-moves.ts';
import type { ServingUnit } from './unit.ts';
import { inOrder, machinesOf, multiples, placeOn, type Weights } from './unit-placement.ts';

/** Some tokens after each other, and how often they chose each expert. */
export interface Interval {
  readonly domain: string;
  readonly tokens: number;
  readonly counts: readonly (readonly number[])[]; // [L][E]
}

/** The load of the busiest GPU as a multiple of the mean over all GPUs, mean over layers: 1 is perfect. */
export interface IntervalLoads extends Moves {
  readonly interval: number;
  readonly domain: string;
  readonly tokens: number;
  /** Experts in order, none twice. */
  readonly before: number;
  /** Placed by the loads of the first interval, and kept. */
  readonly kept: number;
  /** Placed by the loads of the interval before, as a running service can. The first has no interval before it. */
  readonly rebalanced: number;
  /** Placed by its own loads, which are not known in time: as good as the algorithm gets. */
  readonly ideal: number;
  /** As `rebalanced`, and each GPU holds more experts than it uses; null in decode, where each uses one. */
  readonly dynamic: number | null;
}

export interface ServePlan {
  readonly unit: ServingUnit;
  readonly experts: number;
  readonly layers: number;
  readonly intervals: readonly IntervalLoads[];
  /** Means over the intervals but the first, for several numbers of redundant experts on the same GPUs. */
  readonly byRedundancy: readonly { readonly redundant: number; readonly rebalanced: number; readonly ideal: number }[];
  /**
   * What a change of the text does to a service that rebalances: `settled` where the text was the same in the interval
   * before, `shifted` where it was another, `rebalanced` one interval later; means. Null without such a change.
   */
  readonly shift: { readonly settled: number; readonly shifted: number; readonly rebalanced: number } | null;
  /** How many experts GPUs hold and use where redundancy is dynamic; null in decode. */
  readonly dynamic: DynamicUnit | null;
  /** What a rebalance moves, means over the intervals but the first, also in bytes of DeepSeek-V3's experts. */
  readonly moves: Moves & { readonly bytes: number; readonly bytesAsPlaced: number };
  /** Loads of GPUs in the last interval, as multiples of the mean: [L][gpus]. */
  readonly gpuLoads: {
    readonly before: readonly (readonly number[])[];
    readonly after: readonly (readonly number[])[];
  };
}

/**
 * Cuts every text of a trace into as many intervals.
 *
 * @throws {UserError} if a text has fewer tokens than intervals
 */
export function intervalsOf({ texts, experts }: RoutingTrace, perText: number): Interval[] {
  return texts.flatMap(({ domain, choices }) => {
    const tokens = choices[0]!.length;
    if (tokens < perText)
      throw new UserError(
        `serve-plan: the text ${JSON.stringify(domain)} has ${tokens} tokens; try --intervals ${tokens}`,
      );
    return range(perText).map((index): Interval => {
      const [from, to] = [index, index + 1].map((at) => Math.floor((at * tokens) / perText));
      const counts = expertCounts(
        choices.map((layer) => layer.slice(from, to)),
        experts,
      );
      return { domain, tokens: to! - from!, counts };
    });
  });
}

/** Plans the unit for every interval; `groups` are those that routing keeps together. */
export function servePlan(intervals: readonly Interval[], unit: ServingUnit, groups: number): ServePlan {
  const loads = intervals.map((interval) => loadsOf(interval, unit));
  const first = loads[0]!;
  const [layers, all] = [first.length, first[0]!.length]; // experts, the shared one included
  const placed = (weights: Weights, redundant = unit.redundant) =>
    placeOn(weights, { ...unit, redundant }, groups).physicalToLogical;
  const unbalanced: Slots = range(layers).map(() => range(all));
  const imbalance = (weights: Weights, slots: Slots) =>
    mean(multiples(weights, slots, unit).map((gpus) => Math.max(...gpus)));
  const machines = machinesOf(unit, all, groups);
  const start = inOrder(layers, all, machines);
  const placements = loads.slice(0, -1).map((weights) => placeOn(weights, unit, groups));
  const moves = [{ fetched: 0, fetchedAsPlaced: 0 }, ...movesOf(start, placements, machines)];
  const dynamic = dynamicUnit(unit, all);
  const keptPlan = placed(first);
  const rows = loads.map((weights, index): IntervalLoads => {
    const { domain, tokens } = intervals[index]!;
    const current = placements[index - 1]?.physicalToLogical;
    const known = loads[index - 1] ?? weights.map((layer) => layer.map(() => 0));
    return {
      interval: index,
      domain,
      tokens,
      before: imbalance(weights, unbalanced),
      kept: imbalance(weights, keptPlan),
      rebalanced: imbalance(weights, current ?? unbalanced),
      ideal: imbalance(weights, placed(weights)),
      dynamic: dynamic && mean(dynamicLoads(weights, known, current ?? start, machines, dynamic).map(maxOverMean)),
      ...moves[index]!,
    };
  });
  const later = loads.slice(loads.length > 1 ? 1 : 0);
  const byRedundancy = redundancies(unit).map((redundant) => ({
    redundant,
    rebalanced: mean(later.map((weights, at) => imbalance(weights, placed(loads[at]!, redundant)))),
    ideal: mean(later.map((weights) => imbalance(weights, placed(weights, redundant)))),
  }));
  const last = loads.at(-1)!;
  return {
    unit,
    experts: all - unit.shared,
    layers,
    intervals: rows,
    byRedundancy,
    shift: shiftOf(rows),
    dynamic,
    moves: meanMoves(rows.slice(1)),
    gpuLoads: { before: multiples(last, unbalanced, unit), after: multiples(last, placed(last), unit) },
  };
}

/** Loads of the experts, after them that of the shared one, which every token chooses. */
function loadsOf({ counts, tokens }: Interval, { shared }: ServingUnit): number[][] {
  return counts.map((layer) => [...layer, ...range(shared).map(() => tokens)]);
}

/** Numbers of redundant experts to compare: none, up to the unit's, and in prefill up to four times as many. */
function redundancies({ phase, gpus, redundant }: ServingUnit): number[] {
  if (phase === 'prefill') return [0, 1, 2, 4].map((perGpu) => perGpu * gpus);
  return [...new Set([0, 0.25, 0.5, 1].map((part) => Math.round(part * redundant)))];
}

function shiftOf(rows: readonly IntervalLoads[]): ServePlan['shift'] {
  const changed = (index: number) => index > 0 && rows[index]!.domain !== rows[index - 1]!.domain;
  const settled = rows.filter((_, index) => index > 0 && !changed(index));
  const shifted = rows.filter((_, index) => changed(index));
  const later = rows.filter((_, index) => changed(index - 1) && !changed(index));
  if (settled.length === 0 || shifted.length === 0 || later.length === 0) return null;
  const of = (list: readonly IntervalLoads[]) => mean(list.map(({ rebalanced }) => rebalanced));
  return { settled: of(settled), shifted: of(shifted), rebalanced: of(later) };
}

/** Nothing is moved where there is one interval. */
function meanMoves(rows: readonly IntervalLoads[]): ServePlan['moves'] {
  const of = (key: keyof Moves) => (rows.length === 0 ? 0 : mean(rows.map((row) => row[key])));
  const [fetched, fetchedAsPlaced] = [of('fetched'), of('fetchedAsPlaced')];
  return { fetched, fetchedAsPlaced, bytes: fetched * expertBytes, bytesAsPlaced: fetchedAsPlaced * expertBytes };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
