import { describe, expect, it } from 'vitest';
import { bestAssignment } from '../../../src/cluster/serving/assignment.ts';
import { gpuLoads, type PlacementOptions, placeExperts } from '../../../src/cluster/serving/eplb.ts';
import { fetchedExperts, keepSlots } from '../../../src/cluster/serving/keep-slots.ts';
import { movesOf } from '../../../src/cluster/serving/rebalance-moves.ts';
import { UserError } from '../../../src/errors.ts';

const range = (length: number) => Array.from({ length }, (_, index) => index);

/** Whole numbers below `most`, the same in every run. */
function numbers(seed: number, most: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % most;
  };
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]));
}

/** A placement that is given and not computed. */
function placement(layer: readonly number[], experts: number) {
  const slots = range(experts).map((expert) => range(layer.length).filter((slot) => layer[slot] === expert));
  const most = Math.max(...slots.map((list) => list.length));
  return {
    physicalToLogical: [layer],
    logicalToPhysical: [slots.map((list) => [...list, ...range(most - list.length).map(() => -1)])],
    counts: [slots.map((list) => list.length)],
  };
}

const keep = (before: number[], after: number[], gpus: number, nodes = 1) =>
  keepSlots([before], placement(after, 1 + Math.max(...before, ...after)), { groups: nodes, nodes, gpus })
    .physicalToLogical[0];

describe('bestAssignment', () => {
  it.each([1, 2, 3, 4, 5, 6])('finds the best of all ways for size %i (exhaustive)', (n) => {
    for (let seed = 1; seed <= 20; seed++) {
      const next = numbers(seed, 7);
      const values = range(n).map(() => range(n).map(next));
      const total = (columns: readonly number[]) =>
        columns.reduce((sum, column, row) => sum + values[row]![column]!, 0);
      const found = bestAssignment(values);
      expect(found.toSorted((a, b) => a - b)).toEqual(range(n));
      expect(total(found)).toBe(Math.max(...permutations(range(n)).map(total)));
    }
  });
});

describe('keepSlots', () => {
  it('keeps slots inside a GPU, as vLLM does, where no exchange of GPUs is better (case of its tests)', () => {
    const [before, after] = [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [1, 5, 0, 4, 6, 2, 7, 3],
    ];
    expect(keep(before, after, 2)).toEqual([0, 1, 5, 4, 2, 3, 6, 7]);
  });

  it('gives a GPU what another would have got, if that moves less', () => {
    expect(keep([0, 1, 2, 3], [2, 3, 0, 1], 2)).toEqual([0, 1, 2, 3]);
    expect(keep([0, 1, 2, 3, 4, 5], [5, 4, 3, 1, 0, 2], 3)).toEqual([0, 2, 1, 3, 4, 5]);
    // Another case of vLLM's tests: five experts stay without an exchange, six with it.
    const [before, after] = [
      [0, 1, 0, 2, 3, 4, 5, 6, 1, 2],
      [0, 5, 4, 0, 1, 6, 2, 3, 2, 1],
    ];
    expect(keep(before, after, 2)).toEqual([6, 1, 2, 2, 3, 4, 5, 0, 1, 0]);
  });

  it('exchanges whole nodes, and no GPUs of two nodes', () => {
    expect(keep([0, 1, 2, 3], [3, 2, 1, 0], 4, 2)).toEqual([0, 1, 2, 3]);
    expect(keep([0, 1, 2, 3], [0, 2, 1, 3], 4, 2)).toEqual([0, 2, 1, 3]); // node 0 lost 1 and got 2
  });

  it('leaves empty slots to whoever comes', () => {
    expect(keep([0, 1, -1, 2, 3, -1], [3, 2, 0, 1, 0, 3], 2)).toEqual([0, 1, 3, 2, 3, 0]);
  });

  const options: PlacementOptions = { replicas: 16, groups: 4, nodes: 2, gpus: 4 };
  const weights = (seed: number) => {
    const next = numbers(seed, 100);
    return range(3).map(() => range(12).map(next));
  };

  it('is the same plan: equal loads up to the order of GPUs, and both ways the same (property)', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const [now, before] = [weights(seed), placeExperts(weights(seed + 100), options).physicalToLogical];
      const anew = placeExperts(now, options);
      const kept = keepSlots(before, anew, options);
      const sorted = (slots: readonly (readonly number[])[]) =>
        gpuLoads(now, slots, options.gpus).map((loads) => loads.map((load) => load.toFixed(9)).toSorted());
      expect(sorted(kept.physicalToLogical)).toEqual(sorted(anew.physicalToLogical));
      expect(kept.counts).toEqual(anew.counts);
      kept.logicalToPhysical.forEach((layer, index) => {
        layer.forEach((slots, expert) => {
          const present = slots.filter((slot) => slot >= 0);
          expect(present).toHaveLength(kept.counts[index]![expert]!);
          for (const slot of present) expect(kept.physicalToLogical[index]![slot]).toBe(expert);
        });
      });
    }
  });

  it('moves the fewest experts of all plans that are equal up to names (exhaustive)', () => {
    const { nodes, gpus } = options;
    const perNode = gpus / nodes;
    const inNode = permutations(range(perNode));
    // Every order of nodes, with every order of the GPUs in each.
    const orders = permutations(range(nodes)).flatMap((list) =>
      list.reduce<number[][]>(
        (all, node) => all.flatMap((one) => inNode.map((order) => [...one, ...order.map((g) => node * perNode + g)])),
        [[]],
      ),
    );
    for (let seed = 1; seed <= 10; seed++) {
      const before = placeExperts(weights(seed + 50), options).physicalToLogical;
      const anew = placeExperts(weights(seed), options);
      const kept = keepSlots(before, anew, options).physicalToLogical;
      const perGpu = 16 / gpus;
      anew.physicalToLogical.forEach((layer, index) => {
        const fewest = Math.min(
          ...orders.map((order) =>
            fetchedExperts(
              [before[index]!],
              [order.flatMap((gpu) => layer.slice(gpu * perGpu, (gpu + 1) * perGpu))],
              gpus,
            ),
          ),
        );
        expect(fetchedExperts([before[index]!], [kept[index]!], gpus)).toBe(fewest);
      });
    }
  });

  it('moves nothing where nothing has changed', () => {
    const anew = placeExperts(weights(1), options);
    expect(keepSlots(anew.physicalToLogical, anew, options)).toEqual(anew);
  });

  it('refuses a placement of something else', () => {
    const anew = placeExperts(weights(1), options);
    for (const before of [[], [[0, 1]], anew.physicalToLogical.map((layer) => layer.map((one) => one + 10))])
      expect(() => keepSlots(before, anew, options)).toThrow(UserError);
    expect(() => keepSlots([], anew, options)).toThrow('must have 3 layers of 16 slots, each with one of 12 experts');
  });
});

describe('movesOf', () => {
  it('counts what each rebalance fetches from where the one before left it', () => {
    const machines = { replicas: 4, groups: 1, nodes: 1, gpus: 2 };
    const placements = [
      [2, 3, 0, 1],
      [2, 0, 3, 1],
    ].map((layer) => placement(layer, 4));
    expect(movesOf([[0, 1, 2, 3]], placements, machines)).toEqual([
      { fetched: 0, fetchedAsPlaced: 4 },
      { fetched: 2, fetchedAsPlaced: 2 },
    ]);
  });
});
