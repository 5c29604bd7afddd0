import { expect, it } from 'vitest';
import { trainCluster } from '../../../src/cluster/train-cluster.ts';
import { UserError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/runs/memory-store.ts';
import { roomierPlan } from '../../../src/cluster/check-plan.ts';
import { documents, model, settings } from './runs.ts';

it('a rank without memory is named, with the nearest layout that takes less of it', async () => {
  const run = trainCluster({
    model,
    train: { ...settings, batchSize: 512 },
    documents,
    backend: 'engine',
    // Every engine of the run gets that much.
    backendOptions: { threads: 1, engineMemory: 32 * 2 ** 20 },
    store: memoryStore(),
    layout: 'pp=2',
    microBatches: 2,
  });
  const error = await run.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect(String(error)).toMatch(
    /rank \d \(pp \d, ep 0, dp 0\) failed, and all ranks have stopped: engine memory: .* of at most 32 MiB in use.*a rank takes less with --layout pp=2,ep=1,dp=1 --schedule 1f1b --micro-batches 4$/,
  );
});

it('the nearest layout that takes less has more micro-batches, else more stages, else more ranks for experts', () => {
  const plan = { layout: { pp: 2, ep: 1, dp: 1 }, schedule: '1f1b', microBatches: 4 } as const;
  const roomier = (batchSize: number, numHiddenLayers: number) =>
    roomierPlan(plan, { numHiddenLayers, nRoutedExperts: 16 }, { batchSize });
  expect(roomier(8, 4)).toBe('--layout pp=2,ep=1,dp=1 --schedule 1f1b --micro-batches 8');
  expect(roomier(4, 4)).toBe(null); // four rows, and eight micro-batches for four stages
  expect(
    roomierPlan({ ...plan, microBatches: 12 }, { numHiddenLayers: 4, nRoutedExperts: 16 }, { batchSize: 12 }),
  ).toBe('--layout pp=4,ep=1,dp=1 --schedule 1f1b --micro-batches 12');
  expect(roomierPlan({ ...plan, microBatches: 6 }, { numHiddenLayers: 2, nRoutedExperts: 16 }, { batchSize: 6 })).toBe(
    null,
  );
});
