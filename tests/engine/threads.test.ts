// Fork-join: every chunk runs once, whatever the number of threads, and a thread that is lost is an error, not a hang.

import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { type Address, nowhere, plus } from '../../src/engine/address.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { Heap } from '../../src/engine/heap.ts';
import { ThreadPool } from '../../src/engine/thread-pool.ts';
import { loadVariant } from '../../src/engine/variants.ts';
import { UserError } from '../../src/errors.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { startThief } from './chunk-thief.ts';

const { module } = await loadVariant(true, 'simd-6x8');
const mebibyte = 2 ** 20;
const pools: ThreadPool[] = [];

/** Milliseconds after which what has not happened never will: long enough for any machine. */
const never = 300_000;

/** Waits until all threads are at work. */
const allReady = (pool: ThreadPool) => vi.waitUntil(() => pool.ready === pool.threads, { timeout: never, interval: 5 });

/** How many workers sleep (src/engine/assembly/shared/threads.ts). */
const sleepers = (heap: Heap) => Atomics.load(new Int32Array(heap.memory.buffer, 256, 1), 0);

const allAsleep = (pool: ThreadPool, heap: Heap) =>
  vi.waitUntil(() => sleepers(heap) === pool.threads - 1, { timeout: never, interval: 1 });

/** A pool of its own, with all its threads at work. */
async function createPool(threads: number, heap: Heap, patience?: number): Promise<ThreadPool> {
  const pool = new ThreadPool(module, heap, patience);
  pools.push(pool);
  await pool.resize(threads);
  await allReady(pool);
  return pool;
}

afterEach(() => {
  for (const pool of pools.splice(0)) pool.terminate();
});

/** Runs jobs, without a pause in which the threads could do anything else, until `done`. */
function runUntil(done: () => boolean, job: () => unknown): void {
  const end = performance.now() + never;
  while (!done()) {
    if (performance.now() > end) throw new Error('jobs ran for five minutes, and nothing happened');
    job();
  }
}

/** Runs jobs until one throws. */
const runUntilError = (job: () => unknown) => runUntil(() => false, job);

describe('fork-join', () => {
  it('runs every chunk once, in thousands of jobs of any number of chunks in quick succession', async () => {
    const heap = new Heap(16 * mebibyte, true);
    const pool = await createPool(4, heap);
    const most = 300;
    const countsAt = heap.allocate(most * 4);
    const counts = new Int32Array(heap.memory.buffer, countsAt, most);
    const random = createRandom(11);
    for (let job = 0; job < 20_000; job++) {
      // Short jobs come one upon the other; now and then the threads fall asleep.
      const chunks = Math.floor(random() ** 3 * most);
      counts.fill(0);
      pool.exports.countJob(countsAt, chunks);
      const wrong = counts.findIndex((count, i) => count !== (i < chunks ? 1 : 0));
      if (wrong >= 0) throw new Error(`job ${job}: chunk ${wrong} of ${chunks} ran ${counts[wrong]} times`);
      if (job % 2000 === 0) await allAsleep(pool, heap);
    }
  });

  it('wakes threads that sleep', async () => {
    const heap = new Heap(16 * mebibyte, true);
    const pool = await createPool(3, heap);
    for (let round = 0; round < 5; round++) {
      await allAsleep(pool, heap);
      runUntil(
        () => sleepers(heap) < 2,
        () => pool.exports.emptyJob(8),
      );
      expect(pool.exports.isBroken()).toBe(0);
    }
  });

  it('starts and stops threads, and uses the scratch memory of those before', async () => {
    const heap = new Heap(16 * mebibyte, true);
    const pool = await createPool(1, heap);
    for (const threads of [4, 2, 1, 3, 4]) {
      await pool.resize(threads);
      expect(pool.threads).toBe(threads);
      await allReady(pool);
      pool.exports.emptyJob(100);
    }
    expect(heap.use.used).toBe(4 * 64 * 1024);
  });

  it('stops threads that have hardly started', async () => {
    const pool = new ThreadPool(module, new Heap(16 * mebibyte, true));
    for (const threads of [4, 1, 4, 2, 1]) await pool.resize(threads);
    expect(pool.ready).toBe(1);
  });
});

/** Memory ends before it. */
const lastPage = (2 ** 32 - 65536) as Address;

const multiplyIn = ({ exports }: ThreadPool, a: Address, b: Address, c: Address) =>
  exports.gemm(a, b, c, 16, 8, 8, 8, false, false, 64, 64, false, nowhere, 0, nowhere);

describe('a thread that is lost', () => {
  it('is an error in the join when it trapped, and in every kernel until the pool starts afresh', async () => {
    const heap = new Heap(16 * mebibyte, true);
    // Scratch of the workers at the end of all addresses: they trap as soon as they pack a panel.
    const allocate = heap.allocate.bind(heap);
    const spy = vi.spyOn(heap, 'allocate').mockImplementation(() => lastPage);
    spy.mockImplementationOnce(allocate);
    const pool = await createPool(2, heap);
    spy.mockRestore();
    const at = heap.allocate(3 * 65536);
    const multiply = () => multiplyIn(pool, at, plus(at, 65536), plus(at, 131072));
    expect(() => runUntilError(multiply)).toThrow(
      new UserError('engine: a worker thread failed; start again, or use --threads 1'),
    );
    expect(multiply).toThrow(UserError);
    expect(() => pool.exports.emptyJob(1)).toThrow(UserError);
    await pool.resize(1);
    expect(multiply).not.toThrow();
  });

  it('is an error after a while when it says nothing', async () => {
    const heap = new Heap(16 * mebibyte, true);
    const pool = await createPool(2, heap, 200);
    const stopThief = await startThief(heap.memory, false);
    const start = performance.now();
    expect(() => runUntilError(() => pool.exports.emptyJob(64))).toThrow(
      new UserError('engine: a worker thread does not answer; start again, or use --threads 1'),
    );
    expect(performance.now() - start).toBeGreaterThan(200);
    // On a machine that is so busy that a worker kept the join waiting, the thief has taken nothing yet.
    await stopThief();
    await pool.resize(2);
    await allReady(pool);
    pool.exports.emptyJob(1); // one chunk: a busy machine could keep a join waiting again
  });

  it('is an error in the next kernel when the caller trapped beside it', async () => {
    const heap = new Heap(16 * mebibyte, true);
    const pool = await createPool(2, heap);
    expect(() => multiplyIn(pool, lastPage, lastPage, lastPage)).toThrow();
    expect(() => pool.exports.emptyJob(2)).toThrow(UserError);
    await pool.resize(2);
    await allReady(pool);
    pool.exports.emptyJob(100);
  });

  it('is not missed when it ends between two kernels', async () => {
    const workers: Worker[] = [];
    const unref = Worker.prototype.unref;
    const spy = vi.spyOn(Worker.prototype, 'unref').mockImplementation(function (this: Worker) {
      workers.push(this);
      unref.call(this);
    });
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const pool = await createPool(3, new Heap(16 * mebibyte, true));
    await workers[0]!.terminate();
    expect(pool.threads).toBe(2);
    expect(warn).toHaveBeenCalledWith('engine: a worker thread has ended; going on with 2');
    for (let i = 0; i < 1000; i++) pool.exports.emptyJob(100);
    spy.mockRestore();
    warn.mockRestore();
    await pool.resize(3);
    await allReady(pool);
  });
});

describe('the backend', () => {
  afterAll(() => activateBackend('engine', { threads: 1 }));

  it('starts afresh when it is activated again after a failure; tensors are as they were', async () => {
    await activateBackend('engine', { threads: 2 });
    const { pool, heap } = runningEngine()!;
    await allReady(pool);
    const x = tf.ones([64, 64]);
    const product = () => tf.tidy(() => tf.matMul(x, x).dataSync()[0]);
    await startThief(heap.memory, true);
    expect(() => runUntilError(product)).toThrow('engine: a worker thread failed');
    expect(product).toThrow(UserError);
    await activateBackend('engine', { threads: 2 });
    expect(product()).toBe(64);
    x.dispose();
  });
});
