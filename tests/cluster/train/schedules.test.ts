import { beforeAll, describe, expect, it } from 'vitest';
import type { ScheduleName } from '../../../src/cluster/schedule/schedules.ts';
import type { TrainResult } from '../../../src/train/events.ts';
import { expectAsPlanned } from './planned.ts';
import { overRanks, plain, type Ran } from './runs.ts';

/** Of each schedule one case with 50 steps; four ranks take fewer, since they outnumber the cores. */
const cases: readonly (readonly [schedule: ScheduleName, pp: number, parts: number, steps: number])[] = [
  ['gpipe', 2, 4, 50],
  ['1f1b', 2, 4, 50],
  ['interleaved-1f1b', 2, 4, 50],
  ['zb1p', 2, 4, 50],
  ['zbv', 2, 4, 50],
  ['dualpipe', 2, 4, 50],
  ['dualpipev', 2, 4, 50],
  ['1f1b', 4, 8, 3],
  ['zb1p', 4, 8, 3],
  ['dualpipe', 4, 8, 3],
];

describe('a pipeline over ranks', () => {
  let expected: ReadonlyMap<number, Ran<TrainResult>>;
  beforeAll(async () => {
    expected = new Map([
      [4, await plain(4, { steps: 50 })],
      [8, await plain(8, { steps: 3 })],
    ]);
  });

  it.each(cases)(
    'property: %s over %i ranks, in %i micro-batches, gives the bits of plain training in %i steps',
    async (schedule, pp, parts, steps) => {
      const found = await overRanks(parts, { layout: `pp=${pp}`, schedule, microBatches: parts }, { steps });
      expect(found.metrics).toEqual(expected.get(parts)!.metrics);
      expect(found.weights).toBe(expected.get(parts)!.weights);
      const { ranks, ...rest } = found.result;
      expect(rest).toMatchObject({ layout: { pp, ep: 1, dp: 1 }, schedule, microBatches: parts, finished: true });
      expect(ranks.map(({ rank }) => rank)).toEqual(Array.from({ length: pp }, (_, rank) => rank));
      await expectAsPlanned(found);
    },
  );

  it.each(['1f1b', 'dualpipe'] as const)(
    'property: %s with recomputation gives the bits of plain training without',
    async (schedule) => {
      const cluster = { layout: 'pp=2', schedule, microBatches: 4 };
      const kept = await plain(4, { steps: 3 });
      const recomputed = await overRanks(4, cluster, { steps: 3, recompute: 'selective' });
      expect(recomputed.metrics).toEqual(kept.metrics);
      expect(recomputed.weights).toBe(kept.weights);
    },
  );
});
