// When each operation of a schedule runs, by event simulation: a rank does its operations in order, each as soon as
// what it waits for is there.

import { UserError } from '../../errors.ts';
import { dependenciesOf, operationName, type Product, productOf, type Step, stepsOf } from './dependencies.ts';
import type { Operation, Schedule } from './schedule.ts';

/**
 * How long an operation of a rank takes, and how long what it made travels to another rank; in any one unit of time.
 */
export interface Durations {
  readonly of: (operation: Operation) => number;
  readonly travel: number;
}

export interface TimedOperation {
  readonly operation: Operation;
  readonly start: number;
  readonly end: number;
}

export interface Timeline {
  /** From the start of the first operation to the end of the last, over all ranks. */
  readonly makespan: number;
  /** Of each rank, the time in which it computes nothing: its bubble. */
  readonly idle: readonly number[]; // [ranks]
  /**
   * Of each rank, the most chunks whose activations it holds at once: from the start of the forward pass to the end of
   * the backward pass, of the weights' half where that is put off.
   */
  readonly peakActivations: readonly number[]; // [ranks]
  readonly operations: readonly (readonly TimedOperation[])[]; // [ranks][..]
}

/** Costs of the passes of one chunk: F, B (whole backward), W (its weights' half), FB (an overlapped pair). */
export interface PassCosts {
  readonly F: number;
  readonly B: number;
  readonly W: number;
  readonly FB: number;
}

/** The same costs at every stage, and messages that take no time. The input half of a backward pass costs B - W. */
export function passDurations({ F, B, W, FB }: PassCosts): Durations {
  const costs = { forward: F, backward: B, backwardInput: B - W, backwardWeight: W, overlapped: FB };
  return { of: ({ kind }) => costs[kind], travel: 0 };
}

/**
 * Runs a schedule. What a half of an overlapped pair makes is there when the pair ends.
 *
 * @throws {UserError} if the ranks wait for each other in a circle
 */
export function simulateSchedule(schedule: Schedule, durations: Durations): Timeline {
  const { operations } = schedule;
  const timed: TimedOperation[][] = operations.map(() => []);
  const made = new Map<Product, number>();
  const ends = operations.map(() => 0);
  /** When what an operation waits for is there; null: not known yet. */
  const readyAt = (operation: Operation, rank: number): number | null => {
    let latest = 0;
    for (const { product, rank: maker } of stepsOf(operation).flatMap((step) => dependenciesOf(schedule, step))) {
      const time = made.get(product);
      if (time === undefined) return null;
      latest = Math.max(latest, time + (maker === rank ? 0 : durations.travel));
    }
    return latest;
  };
  const advance = (list: readonly Operation[], rank: number): boolean => {
    const before = timed[rank]!.length;
    for (let index = before; index < list.length; index++) {
      const operation = list[index]!;
      const ready = readyAt(operation, rank);
      if (ready === null) break;
      const start = Math.max(ready, ends[rank]!);
      const end = start + durations.of(operation);
      timed[rank]!.push({ operation, start, end });
      ends[rank] = end;
      for (const step of stepsOf(operation)) made.set(productOf(step), end);
    }
    return timed[rank]!.length > before;
  };
  while (operations.map(advance).includes(true));
  requireAll(schedule, timed);
  const makespan = Math.max(0, ...ends);
  return {
    makespan,
    idle: timed.map((list) => makespan - list.reduce((sum, { start, end }) => sum + end - start, 0)),
    peakActivations: timed.map((list) => peakOf(list, () => 1)),
    operations: timed,
  };
}

function requireAll({ name, operations }: Schedule, timed: readonly (readonly TimedOperation[])[]): void {
  const rank = operations.findIndex((list, index) => timed[index]!.length < list.length);
  if (rank < 0) return;
  const stuck = operationName(operations[rank]![timed[rank]!.length]!);
  throw new UserError(`schedule: ${name} never ends: rank ${rank} waits for ever before ${stuck}`);
}

/** A change of what a rank holds: the activations of a chunk come (+) or go (-). */
export interface ActivationChange {
  readonly time: number;
  readonly change: number;
}

/** In the order of time, what goes before what comes. */
export function activationChanges(
  list: readonly TimedOperation[],
  sizeOf: (stage: number) => number,
): ActivationChange[] {
  const changes = list.flatMap(({ operation, start, end }) =>
    stepsOf(operation).flatMap((step): ActivationChange[] => {
      if (step.kind === 'forward') return [{ time: start, change: sizeOf(step.stage) }];
      return frees(step) ? [{ time: end, change: -sizeOf(step.stage) }] : [];
    }),
  );
  return changes.sort((a, b) => a.time - b.time || a.change - b.change);
}

const frees = ({ kind }: Step) => kind === 'backward' || kind === 'backwardWeight';

/** The most that a rank holds at once, where the activations of a chunk of a stage have the size `sizeOf` says. */
export function peakOf(list: readonly TimedOperation[], sizeOf: (stage: number) => number): number {
  let [held, peak] = [0, 0];
  for (const { change } of activationChanges(list, sizeOf)) {
    held += change;
    peak = Math.max(peak, held);
  }
  return peak;
}
