// What an operation consists of, and what must be done before each of its parts.

import type { Chunk, Operation, Pass, Schedule } from './schedule.ts';

/** One pass of one stage on one micro-batch: an operation, or half of an overlapped one. */
export interface Step extends Chunk {
  readonly kind: Pass;
}

/** The steps of an operation: one, or the forward and the backward half of an overlapped pair. */
export function stepsOf(operation: Operation): readonly Step[] {
  if (operation.kind !== 'overlapped') return [operation];
  return [
    { kind: 'forward', ...operation.forward },
    { kind: 'backward', ...operation.backward },
  ];
}

/**
 * `stage`, letter, `microBatch`, in the notation of PyTorch's tables: `3F0`, `3B0`, `3I0` (inputs), `3W0` (weights).
 */
export function stepName({ kind, stage, microBatch }: Step): string {
  return `${stage}${letters[kind]}${microBatch}`;
}

const letters: Readonly<Record<Pass, string>> = {
  forward: 'F',
  backward: 'B',
  backwardInput: 'I',
  backwardWeight: 'W',
};

/** In the notation of PyTorch's tables, where an overlapped pair is `(0F4;7B2)OVERLAP_F_B`. */
export function operationName(operation: Operation): string {
  const names = stepsOf(operation).map(stepName);
  return operation.kind === 'overlapped' ? `(${names.join(';')})OVERLAP_F_B` : (names[0] ?? '');
}

/** What a step gives to others: activations (F), gradients of inputs (B, also from the whole backward), or neither. */
export type Product = `${number}${'F' | 'B' | 'W'}${number}`;

/** What exists once the step is done. The whole backward also does the weights, which nothing waits for. */
export function productOf({ kind, stage, microBatch }: Step): Product {
  const letter = kind === 'forward' ? 'F' : kind === 'backwardWeight' ? 'W' : 'B';
  return `${stage}${letter}${microBatch}`;
}

/** A product, and the rank that makes it. */
export interface Dependency {
  readonly product: Product;
  readonly rank: number;
}

/**
 * What a step waits for: F for the F of the stage before; a backward pass for its own F and the backward pass of the
 * stage after; W for the input half of its own.
 */
export function dependenciesOf(schedule: Pick<Schedule, 'stages' | 'rankOf'>, step: Step): readonly Dependency[] {
  const { kind, stage, microBatch } = step;
  const of = (other: number, letter: 'F' | 'B'): Dependency => ({
    product: `${other}${letter}${microBatch}`,
    rank: schedule.rankOf({ stage: other, microBatch }),
  });
  if (kind === 'forward') return stage === 0 ? [] : [of(stage - 1, 'F')];
  if (kind === 'backwardWeight') return [of(stage, 'B')];
  return stage === schedule.stages - 1 ? [of(stage, 'F')] : [of(stage, 'F'), of(stage + 1, 'B')];
}
