import { beforeAll, describe, expect, it } from 'vitest';
import { createSchedule, type ScheduleName } from '../../../src/cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../../../src/cluster/schedule/timeline.ts';
import type { TrainResult } from '../../../src/train/events.ts';
import { model, overRanks, plain, type Ran, settings } from './runs.ts';

const parts = 8;

const cases: readonly (readonly [schedule: ScheduleName, pp: number])[] = [
  ['gpipe', 2],
  ['1f1b', 2],
  ['1f1b', 4],
  ['interleaved-1f1b', 2],
  ['zb1p', 4],
  ['zbv', 2],
  ['dualpipe', 2],
  ['dualpipe', 4],
  ['dualpipev', 2],
];

describe('a pipeline over ranks', () => {
  let expected: Ran<TrainResult>;
  beforeAll(async () => {
    expected = await plain(parts);
  });

  it.each(cases)('property: %s over %i ranks gives the bits of plain training', async (schedule, pp) => {
    const found = await overRanks(parts, { layout: `pp=${pp}`, schedule, microBatches: parts });
    expect(found.metrics).toEqual(expected.metrics);
    expect(found.weights).toBe(expected.weights);
    const { ranks, ...rest } = found.result;
    expect(rest).toMatchObject({ layout: { pp, ep: 1, dp: 1 }, schedule, microBatches: parts, finished: true });
    expect(ranks.map(({ rank }) => rank)).toEqual(Array.from({ length: pp }, (_, rank) => rank));

    const planned = createSchedule(schedule, pp, parts);
    const { peakActivations } = simulateSchedule(planned, passDurations({ F: 1, B: 2, W: 1, FB: 3 }));
    expect(ranks.map(({ peakPasses }) => peakPasses)).toEqual(peakActivations);
    expect(ranks.map(({ sent }) => sent.pipeline)).toEqual(
      Array.from({ length: pp }, (_, rank) => settings.steps * tensorsSent(schedule, pp, rank) * tensorBytes),
    );
  });
});

/** A hidden state of a micro-batch of 2 rows, in float32. */
const tensorBytes = 2 * settings.seqLen * model.hiddenSize * 4;

/**
 * Hidden states, embeddings and gradients that a rank sends to others in a step: F to the stage after, B to the stage
 * before, and between the ends the embeddings and their gradients for MTP, if no table is shared there.
 */
function tensorsSent(name: ScheduleName, pp: number, rank: number): number {
  const { stages, held, rankOf } = createSchedule(name, pp, parts);
  let count = 0;
  for (let microBatch = 0; microBatch < parts; microBatch++) {
    const at = (stage: number) => rankOf({ stage, microBatch });
    for (let stage = 0; stage + 1 < stages; stage++) {
      if (at(stage) === at(stage + 1)) continue;
      count += Number(at(stage) === rank) + Number(at(stage + 1) === rank);
    }
    const [first, last] = [at(0), at(stages - 1)];
    if (first === last) continue;
    count += Number(last === rank) + Number(first === rank && !held[last]!.includes(0));
  }
  return count;
}
