// What ranks send each other.

import { operationName, productOf, type Step, stepsOf } from './dependencies.ts';
import { range } from './range.ts';
import type { Chunk, Operation, Schedule } from './schedule.ts';

/** What goes between neighbouring stages: a stage's outputs, or the gradients of its inputs. */
export interface Message extends Chunk {
  /** `activations` of `stage` to the next, or `gradients` of its inputs to the one before. */
  readonly content: 'activations' | 'gradients';
  readonly from: number;
  readonly to: number;
}

/** An operation of a schedule, or the sending or the receiving end of a message. */
export type Action =
  | Operation
  | { readonly kind: 'send'; readonly message: Message }
  | { readonly kind: 'receive'; readonly message: Message };

/** What is to be sent once a step is done; null where the other stage is on the same rank, or there is none. */
export function messageAfter(schedule: Schedule, { kind, stage, microBatch }: Step): Message | null {
  if (kind === 'backwardWeight') return null;
  const other = kind === 'forward' ? stage + 1 : stage - 1;
  if (other < 0 || other >= schedule.stages) return null;
  const from = schedule.rankOf({ stage, microBatch });
  const to = schedule.rankOf({ stage: other, microBatch });
  if (from === to) return null;
  return { content: kind === 'forward' ? 'activations' : 'gradients', stage, microBatch, from, to };
}

/**
 * The operations of each rank with sends and receives between them, in an order in which no two ranks wait for each
 * other even if a send lasts until it is received.
 *
 * A receive stands where its message is sent, as seen by the receiver: a rank takes its messages in the order in which
 * they are sent. Source: PyTorch's `_add_send_recv`, whose order this is.
 */
export function withMessages(schedule: Schedule): Action[][] {
  const { operations } = schedule;
  const actions: Action[][] = operations.map(() => []);
  const there = operations.map(() => new Set<string>()); // what each rank has made or received
  const next = operations.map(() => 0);
  const needs = (step: Step) => neededFrom(schedule, step);
  const advance = (rank: number): boolean => {
    const operation = operations[rank]![next[rank]!];
    if (
      operation === undefined ||
      !stepsOf(operation).every((step) => needs(step).every((one) => there[rank]!.has(one)))
    )
      return false;
    next[rank]!++;
    actions[rank]!.push(operation);
    for (const step of stepsOf(operation)) {
      there[rank]!.add(productOf(step));
      const message = messageAfter(schedule, step);
      if (message === null) continue;
      actions[rank]!.push({ kind: 'send', message });
      actions[message.to]!.push({ kind: 'receive', message });
      there[message.to]!.add(productOf(step));
    }
    return true;
  };
  while (range(schedule.ranks).map(advance).includes(true));
  const stuck = operations.findIndex((list, rank) => next[rank]! < list.length);
  if (stuck >= 0)
    throw new Error(`internal: ${schedule.name} does not end: ${operationName(operations[stuck]![next[stuck]!]!)}`);
  return actions;
}

/** What a step needs of the stage beside it. */
function neededFrom({ stages }: Schedule, { kind, stage, microBatch }: Step): string[] {
  if (kind === 'forward') return stage === 0 ? [] : [`${stage - 1}F${microBatch}`];
  return kind === 'backwardWeight' || stage === stages - 1 ? [] : [`${stage + 1}B${microBatch}`];
}
