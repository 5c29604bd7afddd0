import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRoutingTrace } from '../../../src/cluster/routing-trace.ts';
import { dynamicUnit, type Held, holdMore, sharedLoads } from '../../../src/cluster/serving/dynamic-redundancy.ts';
import { intervalsOf, servePlan } from '../../../src/cluster/serving/serve-plan.ts';
import { servingUnit } from '../../../src/cluster/serving/unit.ts';

const range = (length: number) => Array.from({ length }, (_, index) => index);
const most = (loads: readonly number[]) => Math.max(...loads);

/**
 * The least that the busiest GPU can have when tokens go to any GPU that holds their expert: some set of experts has
 * all of its tokens on the GPUs that hold any of them (Hall's theorem).
 */
function leastPossible(counts: readonly number[], held: Held): number {
  const sets = range(2 ** counts.length).slice(1);
  const bounds = sets.map((set) => {
    const experts = range(counts.length).filter((expert) => (set >> expert) & 1);
    const gpus = held.filter((own) => own.some((expert) => experts.includes(expert))).length;
    return Math.ceil(experts.reduce((sum, expert) => sum + counts[expert]!, 0) / gpus);
  });
  return most(bounds);
}

describe('dynamicUnit', () => {
  it("is the report's for 256 experts: 16 held, 9 used", () => {
    expect(dynamicUnit(servingUnit('prefill', 256), 256)).toEqual({ held: 16, used: 9 });
    expect(dynamicUnit(servingUnit('decode', 256), 257)).toBeNull();
  });
});

describe('holdMore', () => {
  it('adds the experts that have the fewest copies, the most loaded first', () => {
    expect(
      holdMore(
        [5, 9, 1, 7],
        [
          [0, 1],
          [2, 3],
        ],
        1,
        3,
      ),
    ).toEqual([
      [0, 1, 3],
      [2, 3, 1],
    ]);
  });

  it('adds experts of the same node only, and none twice', () => {
    expect(holdMore([1, 1, 1, 1], [[0], [1], [2], [3]], 2, 4)).toEqual([
      [0, 1],
      [1, 0],
      [2, 3],
      [3, 2],
    ]);
  });
});

describe('sharedLoads', () => {
  it('hands tokens on over several GPUs (by hand)', () => {
    // Expert 0 fills GPU 0; what GPU 1 takes of it, it gives away of its own to GPU 2.
    const held = [[0], [0, 1], [1, 2]];
    expect(sharedLoads([12, 3, 0], held, 2, [[0], [1], [2]])).toEqual([6, 6, 3]);
    expect(sharedLoads([9, 9, 0], held, 2, [[0], [1], [2]])).toEqual([6, 6, 6]);
  });

  it('uses no more experts than it may', () => {
    const held = [
      [0, 1],
      [1, 0],
    ];
    expect(sharedLoads([10, 2], held, 1, [[0], [1]])).toEqual([10, 2]);
    expect(sharedLoads([10, 2], held, 2, [[0], [1]])).toEqual([6, 6]);
  });

  it('without the limit, finds the best way there is (exhaustive)', () => {
    let state = 1;
    const next = (below: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    for (let round = 0; round < 60; round++) {
      const counts = range(7).map(() => next(30));
      const planned = range(4).map((gpu) => range(7).filter((expert) => expert % 4 === gpu));
      const held = planned.map((own) => [...new Set([...own, next(7), next(7)])]);
      expect(most(sharedLoads(counts, held, 7, planned))).toBe(leastPossible(counts, held));
    }
  });

  it('keeps every token, and is never worse than equal shares (property)', () => {
    const planned = [
      [0, 1, 2],
      [2, 3, 4],
      [4, 5, 0],
    ];
    const held = holdMore([9, 1, 8, 1, 7, 1], planned, 1, 5);
    for (const counts of [
      [90, 1, 8, 3, 7, 1],
      [0, 0, 0, 50, 0, 0],
      [5, 5, 5, 5, 5, 5],
    ]) {
      const loads = sharedLoads(counts, held, 3, planned);
      expect(loads.reduce((a, b) => a + b)).toBe(counts.reduce((a, b) => a + b));
      const half = (expert: number) => counts[expert]! / 2;
      const equal = [half(0) + counts[1]! + half(2), half(2) + counts[3]! + half(4), half(4) + counts[5]! + half(0)];
      expect(most(loads)).toBeLessThanOrEqual(Math.ceil(most(equal)));
    }
  });
});

describe('dynamic redundancy in a plan', () => {
  const recorded = JSON.parse(readFileSync(new URL('../data/routing.json', import.meta.url), 'utf8'));
  const trace = parseRoutingTrace(recorded, 'routing.json');
  const { intervals, dynamic } = servePlan(intervalsOf(trace, 4), servingUnit('prefill', 16), trace.groups);

  it('holds twice the experts, and is less busy than redundant experts alone in every interval of a trace', () => {
    expect(dynamic).toEqual({ held: 4, used: 3 });
    for (const row of intervals) expect(row.dynamic!).toBeLessThan(row.rebalanced);
  });
});
