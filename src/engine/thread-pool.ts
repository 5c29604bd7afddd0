// Worker threads that take part in the kernels.

import { UserError } from '../errors.ts';
import type { Address } from './address.ts';
import type { Exports } from './exports.ts';
import type { Heap } from './heap.ts';
import { host, type WorkerHandle } from './host.ts';
import { instantiate } from './module.ts';

/** The most threads that a pool can have. */
export const mostThreads = 64;

/** Milliseconds that a worker may take to end when it is asked to; a chunk takes some milliseconds. */
const farewell = 1000;

async function ending({ ended, terminate }: WorkerHandle): Promise<void> {
  const timer = setTimeout(terminate, farewell);
  await ended;
  clearTimeout(timer);
}

/** The calling thread's instance of the module, and the workers that help it. */
export class ThreadPool {
  readonly exports: Exports;
  readonly #module: WebAssembly.Module;
  readonly #heap: Heap;
  readonly #patience: number;
  readonly #scratch: Address[] = [];
  #workers: WorkerHandle[] = [];
  #stopping = false;
  #waitingSince = 0;

  /**
   * `patience`: the longest, in milliseconds, that a join waits for one chunk. A machine that is busy takes a second.
   */
  constructor(module: WebAssembly.Module, heap: Heap, patience = 60_000) {
    this.#module = module;
    this.#heap = heap;
    this.#patience = patience;
    this.exports = instantiate(module, heap.memory, (time) => this.#checkWorkers(time));
    this.exports.initThread(0, this.#scratchOf(0));
  }

  /** Threads that compute, the calling one included. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /** Threads that have started already; the others join in when they are ready, and nothing waits for them. */
  get ready(): number {
    return this.exports.workers() + 1;
  }

  /** Starts or stops workers until `threads` threads compute, and starts afresh after a failure. */
  async resize(threads: number): Promise<void> {
    if (threads === this.threads && this.exports.isBroken() === 0) return;
    await this.stop();
    const memory = this.#heap.memory;
    for (let index = 1; index < threads; index++) {
      const data = { module: this.#module, memory, index, scratch: this.#scratchOf(index) };
      const worker = host().startWorker(data);
      this.#workers.push(worker);
      void worker.ended.then(() => this.#onEnd(worker));
    }
  }

  /** Ends all workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.exports.stopWorkers();
    await Promise.all(this.#workers.map(ending));
    this.#workers = [];
    this.exports.resetThreads();
    this.#stopping = false;
  }

  /** Ends all workers now, without waiting. */
  terminate(): void {
    this.#stopping = true;
    this.exports.stopWorkers();
    for (const { terminate } of this.#workers) terminate();
  }

  #scratchOf(index: number): Address {
    this.#scratch[index] ??= this.#heap.allocate(this.exports.scratchBytes());
    return this.#scratch[index];
  }

  /**
   * A worker has ended. Between two kernels no worker has a chunk, so nothing is lost if one ends then, out of memory
   * for one.
   */
  #onEnd(worker: WorkerHandle): void {
    if (this.#stopping) return;
    this.#workers = this.#workers.filter((other) => other !== worker);
    console.warn(`engine: a worker thread has ended; going on with ${this.threads}`);
  }

  /**
   * Called by the module while a join takes long, for the first, second, ... time, and with 0 by every kernel after one
   * that failed: nobody can tell what the other threads still write.
   */
  #checkWorkers(time: number): void {
    const now = performance.now();
    if (time === 1) this.#waitingSince = now;
    if (this.exports.hasFailed() !== 0) this.#fail('a worker thread failed');
    if (time === 0) this.#fail('a kernel before this one failed');
    if (now - this.#waitingSince > this.#patience) this.#fail('a worker thread does not answer');
  }

  #fail(what: string): never {
    this.terminate();
    throw new UserError(`engine: ${what}; start again, or use --threads 1`);
  }
}
