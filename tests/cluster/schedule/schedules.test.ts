import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { operationName } from '../../../src/cluster/schedule/dependencies.ts';
import type { Operation, Schedule } from '../../../src/cluster/schedule/schedule.ts';
import { createSchedule, parseScheduleName, scheduleNames } from '../../../src/cluster/schedule/schedules.ts';
import { validateSchedule } from '../../../src/cluster/schedule/validate.ts';

/** The rank's operations in PyTorch's notation. */
const names = (schedule: Schedule, rank: number) => schedule.operations[rank]!.map(operationName).join(' ');

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'none';
}

describe('schedules', () => {
  it.each(scheduleNames)('%s is valid for every number of ranks and micro-batches that it takes (property)', (name) => {
    let taken = 0;
    for (let ranks = 1; ranks <= 8; ranks++) {
      for (let microBatches = 1; microBatches <= 23; microBatches++) {
        let schedule: Schedule;
        try {
          schedule = createSchedule(name, ranks, microBatches);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          continue;
        }
        validateSchedule(schedule);
        taken++;
      }
    }
    expect(taken).toBeGreaterThan(20);
  });

  it('1f1b with 2 ranks and 3 micro-batches, by hand', () => {
    const schedule = createSchedule('1f1b', 2, 3);
    expect(names(schedule, 0)).toBe('0F0 0F1 0B0 0F2 0B1 0B2');
    expect(names(schedule, 1)).toBe('1F0 1B0 1F1 1B1 1F2 1B2');
  });

  it('dualpipe with 2 ranks and 4 micro-batches, by hand: the second rank mirrors the first', () => {
    const schedule = createSchedule('dualpipe', 2, 4);
    expect(names(schedule, 0)).toBe('0F0 1F2 0F1 1B2 (1F3;0B0)OVERLAP_F_B 1B3 0I1 0W1');
    expect(names(schedule, 1)).toBe(
      names(schedule, 0).replace(/(\d)([FBIW])(\d)/g, (_, stage, kind, m) => `${stage}${kind}${(Number(m) + 2) % 4}`),
    );
  });
});

describe('numbers that a schedule refuses', () => {
  it('are named with the nearest that work', () => {
    expect(refusal(() => createSchedule('dualpipe', 8, 15))).toBe(
      'schedule: dualpipe takes an even number of ranks, and an even number of micro-batches, at least twice as many ' +
        'as ranks; found 8 ranks and 15 micro-batches, try 8 and 16',
    );
    expect(refusal(() => createSchedule('dualpipe', 7, 20))).toContain('try 8 and 20');
    expect(refusal(() => createSchedule('dualpipev', 4, 3))).toContain('try 4 and 8');
    expect(refusal(() => createSchedule('interleaved-1f1b', 4, 9))).toContain('try 4 and 10');
    expect(refusal(() => createSchedule('1f1b', 0, 9))).toContain('ranks: expected a whole number from 1 on, found 0');
    expect(refusal(() => createSchedule('1f1b', 2, 1.5))).toContain('micro-batches: expected a whole number');
    expect(refusal(() => createSchedule('gpipe', 5000, 9))).toContain('at most 1024');
    expect(refusal(() => createSchedule('gpipe', 1000, 1e9))).toContain('at most 2000');
    expect(refusal(() => parseScheduleName('dualpip'))).toContain('did you mean dualpipe?');
  });
});

describe('validateSchedule', () => {
  const schedule = createSchedule('1f1b', 2, 3);
  const withRank0 = (change: (list: Operation[]) => Operation[]): Schedule => ({
    ...schedule,
    operations: [change([...schedule.operations[0]!]), schedule.operations[1]!],
  });

  it('finds a pass that is missing, or there twice', () => {
    expect(refusal(() => validateSchedule(withRank0((list) => list.slice(1))))).toContain(
      '0 forward passes of micro-batch 0',
    );
    expect(refusal(() => validateSchedule(withRank0((list) => list.slice(0, -1))))).toContain('0 backward passes');
    expect(refusal(() => validateSchedule(withRank0((list) => [...list, list[0]!])))).toContain('2 forward passes');
  });

  it("finds a split backward pass without its weights' half", () => {
    const split: Operation = { kind: 'backwardInput', stage: 0, microBatch: 2 };
    expect(refusal(() => validateSchedule(withRank0((list) => [...list.slice(0, -1), split])))).toContain(
      "0 weights' halves",
    );
  });

  it('finds a stage on the wrong rank, and one that does not exist', () => {
    const elsewhere: Operation = { kind: 'forward', stage: 1, microBatch: 0 };
    expect(refusal(() => validateSchedule(withRank0((list) => [...list, elsewhere])))).toContain('belongs to rank 1');
    const nowhere: Operation = { kind: 'forward', stage: 2, microBatch: 0 };
    expect(refusal(() => validateSchedule(withRank0((list) => [...list, nowhere])))).toContain('no 2F0');
  });

  it('finds a deadlock', () => {
    expect(refusal(() => validateSchedule(withRank0((list) => list.toReversed())))).toBe(
      'schedule: 1f1b is not valid: rank 0 waits for ever before 0B2',
    );
  });
});
