import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { stepRepetitions } from '../../../src/cluster/schedule/dualpipe.ts';
import { createSchedule, type ScheduleName } from '../../../src/cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../../../src/cluster/schedule/timeline.ts';

// All costs are whole numbers, so sums and comparisons are exact.
const usual = { F: 1, B: 2, W: 1, FB: 3 };

function run(name: ScheduleName, ranks: number, microBatches: number, costs = usual) {
  return simulateSchedule(createSchedule(name, ranks, microBatches), passDurations(costs));
}

const every = (ranks: number, value: number) => Array.from({ length: ranks }, () => value);

describe('1f1b with 2 ranks and 3 micro-batches, by hand', () => {
  const timeline = run('1f1b', 2, 3);

  it('starts each operation when what it waits for is there', () => {
    expect(timeline.operations.map((list) => list.map(({ start, end }) => [start, end]))).toEqual([
      [
        [0, 1],
        [1, 2],
        [4, 6],
        [6, 7],
        [7, 9],
        [10, 12],
      ],
      [
        [1, 2],
        [2, 4],
        [4, 5],
        [5, 7],
        [7, 8],
        [8, 10],
      ],
    ]);
  });

  it('counts what a rank waits, and what it holds', () => {
    expect(timeline).toMatchObject({ makespan: 12, idle: [3, 3], peakActivations: [2, 1] });
  });
});

describe('table 2 of the report (golden), by events and not by its formulas', () => {
  const ranks = 8;

  it.each([20, 40])('bubbles and activations with F=1, B=2, W=1, F&B=3 and %i micro-batches', (microBatches) => {
    const { F, B, W, FB } = usual;
    const of = (name: ScheduleName) => run(name, ranks, microBatches);
    expect(of('1f1b').idle).toEqual(every(ranks, (ranks - 1) * (F + B)));
    expect(of('1f1b').peakActivations).toEqual([8, 7, 6, 5, 4, 3, 2, 1]); // the table gives the largest, PP
    expect(of('zb1p').idle).toEqual(every(ranks, (ranks - 1) * (F + B - 2 * W)));
    expect(of('zb1p').peakActivations).toEqual(every(ranks, ranks));
    expect(of('dualpipe').idle).toEqual(every(ranks, (ranks / 2 - 1) * (FB + B - 3 * W)));
    expect(of('dualpipe').peakActivations).toEqual(every(ranks, ranks + 1));
  });

  it('dualpipev has the bubble and the activations of dualpipe on half the ranks', () => {
    expect(run('dualpipev', 4, 20)).toMatchObject({ idle: every(4, 6), peakActivations: every(4, 9) });
  });

  it('1f1b and zb1p keep to their formulas where the passes cost otherwise', () => {
    const costs = { F: 2, B: 5, W: 2, FB: 6 };
    expect(run('1f1b', ranks, 20, costs).idle).toEqual(every(ranks, 7 * (2 + 5)));
    expect(run('zb1p', ranks, 20, costs).idle).toEqual(every(ranks, 7 * (2 + 5 - 2 * 2)));
  });

  it("dualpipe does where F is the inputs' half of B, and a pair its two passes one after the other", () => {
    for (const [F, W] of [
      [1, 1],
      [2, 1],
      [3, 3],
      [5, 2],
    ] as const) {
      const [B, FB] = [F + W, 2 * F + W];
      for (const ranks of [4, 6, 8]) {
        const { idle } = run('dualpipe', ranks, 3 * ranks, { F, B, W, FB });
        expect(idle).toEqual(every(ranks, (ranks / 2 - 1) * (FB + B - 3 * W)));
      }
    }
  });

  it('dualpipe does not elsewhere: ranks wait less than the formula says, or longer, or both', () => {
    const idle = (costs: Parameters<typeof run>[3]) => run('dualpipe', ranks, 20, costs).idle;
    expect(idle({ F: 2, B: 5, W: 2, FB: 6 })).toEqual([11, 12, 13, 13, 13, 13, 12, 11]); // 3 * (6 + 5 - 6) = 15
    expect(idle({ F: 3, B: 4, W: 2, FB: 7 })).toEqual(every(ranks, 18)); // 3 * (7 + 4 - 6) = 15
    const mixed = [7.5, 10.5, 13.5, 13.5, 13.5, 13.5, 10.5, 7.5]; // 3 * (3 + 3.5 - 3) = 10.5
    expect(idle({ F: 2.5, B: 3.5, W: 1, FB: 3 })).toEqual(mixed);
  });
});

describe('zbv', () => {
  it('computes without a pause between its first and its last operation if F = B = W', () => {
    const { operations, makespan } = run('zbv', 4, 12);
    for (const list of operations) {
      const busy = list.reduce((sum, { start, end }) => sum + end - start, 0);
      expect(list.at(-1)!.end - list[0]!.start).toBe(busy);
    }
    // Ranks begin one after the other, so counted from the first start of all, each waits 3 = P - 1 in all.
    expect(makespan).toBe(12 * 2 * 3 + 3);
  });
});

describe('dualpipe', () => {
  it('repeats its eight steps as often as the released code (golden: 8 ranks, 20 micro-batches, rank 0)', () => {
    expect(stepRepetitions({ half: 4, depth: 0, main: 3 })).toEqual([6, 1, 3, 3, 3, 1, 3, 1]);
  });
});

describe('simulateSchedule', () => {
  it('lets what is sent to another rank travel', () => {
    const durations = { ...passDurations(usual), travel: 5 };
    const { operations } = simulateSchedule(createSchedule('1f1b', 2, 1), durations);
    expect(operations.map((list) => list.map(({ start }) => start))).toEqual([
      [0, 14],
      [6, 7],
    ]);
  });

  it('refuses a schedule that never ends', () => {
    const { operations, ...rest } = createSchedule('1f1b', 2, 3);
    const stuck = { ...rest, operations: operations.map((list) => list.toReversed()) };
    expect(() => simulateSchedule(stuck, passDurations(usual))).toThrow(UserError);
  });
});
