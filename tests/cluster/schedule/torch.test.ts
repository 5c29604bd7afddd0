// Golden: the schedules of PyTorch's torch.distributed.pipelining, made by tests/goldens/schedules.py.

import { describe, expect, it } from 'vitest';
import { operationName } from '../../../src/cluster/schedule/dependencies.ts';
import { type Action, withMessages } from '../../../src/cluster/schedule/messages.ts';
import { createSchedule, parseScheduleName } from '../../../src/cluster/schedule/schedules.ts';
import { loadGoldenJson } from '../../goldens/load.ts';

interface Case {
  readonly schedule: string;
  readonly class: string;
  readonly ranks: number;
  readonly microBatches: number;
  readonly operations: readonly string[];
  readonly actions: readonly string[];
}

const { cases } = loadGoldenJson('schedules.json') as { cases: readonly Case[] };

/** In PyTorch's notation a receive is named by the stage that receives, a send by the one that sends. */
function actionName(action: Action): string {
  if (action.kind !== 'send' && action.kind !== 'receive') return operationName(action);
  const { content, stage, microBatch } = action.message;
  const letter = content === 'activations' ? 'F' : 'B';
  if (action.kind === 'send') return `${stage}SEND_${letter}${microBatch}`;
  return `${content === 'activations' ? stage + 1 : stage - 1}RECV_${letter}${microBatch}`;
}

describe("PyTorch's schedules (golden)", () => {
  it.each(cases)('$class, $ranks ranks, $microBatches micro-batches', (golden) => {
    const schedule = createSchedule(parseScheduleName(golden.schedule), golden.ranks, golden.microBatches);
    expect(schedule.operations.map((list) => list.map(operationName).join(' '))).toEqual(golden.operations);
    expect(withMessages(schedule).map((list) => list.map(actionName).join(' '))).toEqual(golden.actions);
  });
});
