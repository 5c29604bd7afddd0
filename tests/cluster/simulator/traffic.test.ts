import { describe, expect, it } from 'vitest';
import { countTraffic, meanTraffic, uniformChoices } from '../../../src/cluster/simulator/traffic.ts';
import { modelPreset } from '../../../src/config/presets.ts';

describe('countTraffic', () => {
  // Four ranks with two experts each, two to a node: experts 0-3 are on node 0, 4-7 on node 1.
  const placement = { experts: 8, ranks: 4, gpusPerNode: 2 };
  const count = (choices: number[][]) => countTraffic(choices, placement);

  it('sends a token once to a node, and on from the GPU with the index of its own (by hand)', () => {
    // The tokens of ranks 0 to 3, one each.
    expect(
      count([
        [0, 1],
        [0, 7],
        [4, 5],
        [0, 2],
      ]),
    ).toMatchObject({
      tokens: 4,
      infinibandCopies: (0 + 1 + 0 + 1) / 4,
      infinibandCopiesPerExpert: (0 + 1 + 0 + 2) / 4,
      mostInfinibandCopies: 1,
      // Token 1, of rank 1, needs rank 0, and reaches rank 3 where it arrives; token 3 arrives at rank 1 and needs 0
      // too.
      nvlinkCopies: (0 + 1 + 0 + 1) / 4,
      nodes: (1 + 2 + 1 + 1) / 4,
      rankLoads: [4, 1, 2, 1],
      imbalance: 2,
    });
  });

  it('counts a GPU once, however many experts of the token it has', () => {
    expect(
      count([
        [4, 5, 6],
        [4, 5, 6],
        [4, 5, 6],
        [4, 5, 6],
      ]),
    ).toMatchObject({
      infinibandCopies: 0.5,
      infinibandCopiesPerExpert: 1.5,
      nvlinkCopies: 1, // each has one of the two GPUs of node 1 where it arrives or is, and needs the other
    });
  });

  it('averages layers', () => {
    const layers = [count([[0, 1]]), count([[6, 7]])];
    expect(meanTraffic(layers)).toMatchObject({ infinibandCopies: 0.5, rankLoads: [2, 0, 0, 2], imbalance: 4 });
  });
});

describe('an even choice of experts', () => {
  const model = modelPreset('deepseek-v3');
  const placement = { experts: 256, ranks: 64, gpusPerNode: 8 };
  const traffic = (topkGroup: number) => countTraffic(uniformChoices({ ...model, topkGroup }, 2000), placement);

  it('reaches at most M nodes, and saves nearly K / M of the copies (report 3.2.2)', () => {
    const { nodes, infinibandCopies, infinibandCopiesPerExpert, mostInfinibandCopies } = traffic(4);
    expect(mostInfinibandCopies).toBe(4);
    expect(nodes).toBeGreaterThan(3.5);
    expect(nodes).toBeLessThanOrEqual(4);
    expect(infinibandCopiesPerExpert / infinibandCopies).toBeGreaterThan(2);
    expect(infinibandCopiesPerExpert / infinibandCopies).toBeLessThan(2.4); // K / nodes = 8 / 3.6
  });

  it('sends more where tokens may reach more nodes', () => {
    const copies = [1, 2, 4, 8].map((groups) => traffic(groups).infinibandCopies);
    expect(copies).toEqual(copies.toSorted((a, b) => a - b));
    expect(copies[3]! / copies[2]!).toBeGreaterThan(1.3);
  });

  it('chooses K different experts', () => {
    for (const chosen of uniformChoices(model, 50)) expect(new Set(chosen).size).toBe(8);
  });
});
