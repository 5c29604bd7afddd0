import { describe, expect, it } from 'vitest';
import { gpuLoads, maxOverMean, type PlacementOptions, placeExperts } from '../../../src/cluster/serving/eplb.ts';
import { UserError } from '../../../src/errors.ts';
import { loadGoldenJson } from '../../goldens/load.ts';

/** The example of the released balancer's README. */
const published = {
  weights: [
    [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
    [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
  ],
  options: { replicas: 16, groups: 4, nodes: 2, gpus: 8 },
  physicalToLogical: [
    [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
    [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
  ],
};

interface Case extends PlacementOptions {
  readonly weights: number[][];
  readonly physicalToLogical: number[][];
  readonly logicalToPhysical: number[][][];
  readonly counts: number[][];
}

const { cases } = loadGoldenJson('eplb.json') as { cases: readonly Case[] };

const loads = (weights: readonly (readonly number[])[], options: PlacementOptions) =>
  gpuLoads(weights, placeExperts(weights, options).physicalToLogical, options.gpus);

describe('placeExperts', () => {
  it('places the published example as published (golden)', () => {
    const { weights, options, physicalToLogical } = published;
    expect(placeExperts(weights, options).physicalToLogical).toEqual(physicalToLogical);
  });

  it.each(cases.map((golden, index) => [index, golden] as const))(
    'places case %i as the released balancer does (golden)',
    (_, { weights, physicalToLogical, logicalToPhysical, counts, ...options }) => {
      expect(placeExperts(weights, options)).toEqual({ physicalToLogical, logicalToPhysical, counts });
    },
  );

  it('gives every expert a slot, every GPU as many, and says both ways the same (property)', () => {
    const { weights, options } = published;
    const { physicalToLogical, logicalToPhysical, counts } = placeExperts(weights, options);
    physicalToLogical.forEach((layer, index) => {
      expect(new Set(layer).size).toBe(12);
      expect(counts[index]!.reduce((a, b) => a + b)).toBe(options.replicas);
      logicalToPhysical[index]!.forEach((slots, expert) => {
        const present = slots.filter((slot) => slot >= 0);
        expect(present).toHaveLength(counts[index]![expert]!);
        for (const slot of present) expect(layer[slot]).toBe(expert);
      });
    });
  });

  it('keeps a group inside a node where groups can be shared out, and not where they cannot', () => {
    const nodesOf = (groups: number) => {
      const layer = placeExperts([range(12)], { replicas: 12, groups, nodes: 2, gpus: 4 }).physicalToLogical[0]!;
      return range(groups).map((group) => {
        const size = 12 / groups;
        return new Set(range(size).map((index) => Math.floor(layer.indexOf(group * size + index) / 6))).size;
      });
    };
    expect(nodesOf(4)).toEqual([1, 1, 1, 1]);
    expect(Math.max(...nodesOf(3))).toBe(2); // three groups, two nodes: global
  });

  it('gives an expert that nearly everybody wants nearly all redundant slots', () => {
    const weights = [[1000, 1, 1, 1, 1, 1, 1, 1]];
    const { counts } = placeExperts(weights, { replicas: 16, groups: 1, nodes: 1, gpus: 8 });
    expect(counts[0]).toEqual([9, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('makes no use of replicas where there is no load', () => {
    const { counts } = placeExperts([[0, 0, 0, 0]], { replicas: 6, groups: 1, nodes: 1, gpus: 2 });
    expect(counts[0]).toEqual([3, 1, 1, 1]); // the first of equals
  });

  it('never loads the fullest GPU more than without redundancy', () => {
    const { weights } = published;
    for (const replicas of [12, 24, 36, 48]) {
      const [before, after] = [12, replicas].map((R) => loads(weights, { replicas: R, groups: 4, nodes: 2, gpus: 4 }));
      after!.forEach((layer, index) => {
        expect(maxOverMean(layer)).toBeLessThanOrEqual(maxOverMean(before![index]!));
      });
    }
  });
});

const range = (length: number) => Array.from({ length }, (_, index) => index);

describe('numbers that do not divide', () => {
  const refusal = (weights: number[][], options: Partial<PlacementOptions>) => {
    try {
      placeExperts(weights, { replicas: 16, groups: 4, nodes: 2, gpus: 8, ...options });
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
    return 'none';
  };
  const twelve = [range(12)];

  it('are named with the nearest that do', () => {
    expect(refusal(twelve, { replicas: 18 })).toBe('eplb: 18 replicas cannot be shared out among 8 GPUs; try 24');
    expect(refusal(twelve, { replicas: 8 })).toBe('eplb: 8 replicas cannot hold 12 experts; try 16');
    expect(refusal(twelve, { groups: 5 })).toBe('eplb: 12 experts cannot be cut into 5 groups; try 4');
    expect(refusal(twelve, { nodes: 3 })).toBe('eplb: 8 GPUs cannot be shared out among 3 nodes; try 2');
    expect(refusal(twelve, { gpus: 0 })).toContain('gpus: expected a whole number from 1');
  });

  it('and loads that are no loads are refused', () => {
    expect(refusal([], {})).toContain('at least one layer');
    expect(refusal([[1, 2], [1]], {})).toBe('eplb: layer 1 has 1 experts and layer 0 has 2');
    expect(refusal([[1, -2, 3, 4]], {})).toContain('not negative');
    expect(refusal([[1, Number.NaN, 3, 4]], {})).toContain('not negative');
  });
});
