import { describe, expect, it } from 'vitest';
import { clusterSteps } from '../../../src/cluster/cluster-steps.ts';
import type { RankThreads } from '../../../src/cluster/ranks/rank-threads.ts';
import { trainCluster } from '../../../src/cluster/train-cluster.ts';
import { UserError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/runs/memory-store.ts';
import { resumeRun, type TrainOptions, train } from '../../../src/train/trainer.ts';
import { documents, model, overRanks, plain, settings, weightsOf } from './runs.ts';

const common = (changes: Partial<typeof settings>): TrainOptions => ({
  model,
  train: { ...settings, ...changes },
  documents,
  backend: 'engine',
  backendOptions: { threads: 1 },
  store: memoryStore(),
});

describe('a run over ranks that fails', () => {
  it('stops when a rank dies, names it, and leaves a checkpoint from which it can go on', async () => {
    const steps = { steps: 5, checkpointEvery: 2 };
    const options = common({ ...steps, batchSize: 8, gradAccumSteps: 4 });
    let ranks: RankThreads | undefined;
    const plan = { layout: { pp: 2, ep: 1, dp: 1 }, schedule: '1f1b', microBatches: 4, messages: 'float32' } as const;
    const run = train({
      ...options,
      startStepper: clusterSteps(plan, {
        onRanks: (started) => {
          ranks = started;
        },
      }),
      onEvent: async (event) => {
        if (event.type === 'step' && event.step === 3) await ranks!.workers[1]!.terminate();
      },
    });
    const error = await run.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain('rank 1 (pp 1, ep 0, dp 0) failed, and all ranks have stopped');
    expect(String(error)).toMatch(/the last good checkpoint is \S*step-00000002/);
    const store = options.store!;
    await resumeRun({ store, documents, backendOptions: { threads: 1 } });
    expect(await weightsOf(store)).toBe((await plain(4, steps)).weights);
  });

  it('names the tensor when numbers explode, as plain training does', async () => {
    const error = await overRanks(2, { layout: 'pp=2', microBatches: 2 }, { learningRate: 1e30, maxGradNorm: 0 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toMatch(/expected finite numbers, found loss \S+ at step \d: the weight|the gradient of/);
  });
});

describe('a layout that does not work', () => {
  const tried = async (cluster: Parameters<typeof overRanks>[1], changes: Partial<typeof settings> = {}) => {
    const error = await trainCluster({ ...common(changes), ...cluster }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  };

  it.each([
    [
      { layout: 'ep=3', microBatches: 1 },
      'cluster: pp=1,ep=3,dp=1 does not work: ep=3 does not divide the 16 experts; a batch of 4 rows cannot be cut ' +
        'into 3 micro-batches, 1 for each of 3 pipelines; try --layout pp=1,ep=2,dp=1 --schedule 1f1b --micro-batches 1',
    ],
    [
      { layout: 'pp=8', microBatches: 4 },
      'cluster: pp=8,ep=1,dp=1 does not work: 1f1b cuts the model into 8 stages, and it has 4 layers; try --layout ' +
        'pp=4,ep=1,dp=1 --schedule 1f1b --micro-batches 4',
    ],
    [
      { layout: 'pp=2', schedule: 'dualpipe', microBatches: 2 },
      'cluster: pp=2,ep=1,dp=1 does not work: dualpipe takes an even number of ranks, and an even number of ' +
        'micro-batches, at least twice as many as ranks; found 2 ranks and 2 micro-batches; try --layout ' +
        'pp=2,ep=1,dp=1 --schedule dualpipe --micro-batches 4',
    ],
    [
      { layout: 'dp=3', microBatches: 2 },
      'cluster: pp=1,ep=1,dp=3 does not work: a batch of 4 rows cannot be cut into 6 micro-batches, 2 for each of 3 ' +
        'pipelines; try --layout pp=1,ep=1,dp=3 --schedule 1f1b --micro-batches 2 --batch-size 6',
    ],
  ])('says what does not fit %o, and the nearest that does', async (cluster, message) => {
    expect(await tried(cluster)).toBe(message);
  });

  it('says so of more ranks than may run, of another backend, and of parts of the learner', async () => {
    expect(await tried({ layout: 'dp=100' }, { batchSize: 100 })).toContain('100 ranks are more threads than the 64');
    const options = { ...common({ batchSize: 4 }), layout: 'pp=2' };
    await expect(trainCluster({ ...options, backend: 'cpu', backendOptions: {} })).rejects.toThrow(
      'take --backend engine',
    );
    await expect(trainCluster({ ...options, store: memoryStore(), parts: {} })).rejects.toThrow('leave parts out');
  });
});
