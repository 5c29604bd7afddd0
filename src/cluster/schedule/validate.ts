// Whether a schedule computes what plain training computes, and ends.

import { UserError } from '../../errors.ts';
import {
  dependenciesOf,
  operationName,
  type Product,
  productOf,
  type Step,
  stepName,
  stepsOf,
} from './dependencies.ts';
import { range } from './range.ts';
import type { Operation, Schedule } from './schedule.ts';

/**
 * Checks that every micro-batch goes once through each stage, forward and backward, on the rank that holds it; that the
 * two halves of a split backward pass are both there; and that the ranks, each keeping to its order, never wait for
 * each other in a circle.
 *
 * @throws {UserError} naming the first thing that is wrong
 */
export function validateSchedule(schedule: Schedule): void {
  checkRanks(schedule);
  checkCounts(schedule);
  checkProgress(schedule);
}

function fail({ name }: Schedule, problem: string): never {
  throw new UserError(`schedule: ${name} is not valid: ${problem}`);
}

function checkRanks(schedule: Schedule): void {
  const { ranks, operations, held, stages, microBatches } = schedule;
  if (operations.length !== ranks || held.length !== ranks)
    fail(schedule, `it has ${ranks} ranks and ${operations.length} lists of operations`);
  operations.forEach((list, rank) => {
    for (const step of list.flatMap(stepsOf)) {
      const { stage, microBatch } = step;
      if (!(stage >= 0 && stage < stages && microBatch >= 0 && microBatch < microBatches))
        fail(schedule, `there is no ${stepName(step)} with ${stages} stages and ${microBatches} micro-batches`);
      if (schedule.rankOf(step) !== rank || !held[rank]!.includes(stage))
        fail(schedule, `rank ${rank} does ${stepName(step)}, which belongs to rank ${schedule.rankOf(step)}`);
    }
  });
}

function checkCounts(schedule: Schedule): void {
  const counts = new Map<string, number>();
  for (const step of schedule.operations.flat().flatMap(stepsOf)) {
    const name = stepName(step);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const count = (step: Step) => counts.get(stepName(step)) ?? 0;
  for (const stage of range(schedule.stages)) {
    for (const microBatch of range(schedule.microBatches)) {
      const of = (kind: Step['kind']) => count({ kind, stage, microBatch });
      const where = `of micro-batch ${microBatch} at stage ${stage}`;
      if (of('forward') !== 1) fail(schedule, `${of('forward')} forward passes ${where}; expected 1`);
      const [whole, input, weight] = [of('backward'), of('backwardInput'), of('backwardWeight')];
      if (whole + input !== 1) fail(schedule, `${whole + input} backward passes ${where}; expected 1`);
      if (weight !== input) fail(schedule, `${weight} weights' halves ${where}; expected ${input}`);
    }
  }
}

function checkProgress(schedule: Schedule): void {
  const done = new Set<Product>();
  const next = schedule.operations.map(() => 0);
  const isReady = (operation: Operation) =>
    stepsOf(operation).every((step) => dependenciesOf(schedule, step).every(({ product }) => done.has(product)));
  let progressed = true;
  while (progressed) {
    progressed = false;
    schedule.operations.forEach((list, rank) => {
      for (let operation = list[next[rank]!]; operation !== undefined && isReady(operation); ) {
        for (const step of stepsOf(operation)) done.add(productOf(step));
        next[rank]!++;
        operation = list[next[rank]!];
        progressed = true;
      }
    });
  }
  const rank = schedule.operations.findIndex((list, index) => next[index]! < list.length);
  const stuck = schedule.operations[rank]?.[next[rank]!];
  if (stuck !== undefined) fail(schedule, `rank ${rank} waits for ever before ${operationName(stuck)}`);
}
