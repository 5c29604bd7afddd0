// Worker threads that take part in the kernels. Node's worker_threads, or Workers of a page that is cross-origin isolated.

import { UserError } from '../errors.ts';
import type { Heap } from './heap.ts';
import { type Exports, instantiate } from './module.ts';
import { workerSource } from './worker-source.ts';

/** What the pool needs of a worker, in Node and in a page. */
interface WorkerHandle {
  /** Resolves when it has ended; `failed` if it was not asked to. */
  readonly ended: Promise<void>;
  readonly terminate: () => void;
}

interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly index: number;
  readonly scratch: number;
}

async function startNodeWorker(workerData: WorkerData): Promise<WorkerHandle> {
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(workerSource, { eval: true, workerData, name: `tinyseek-${workerData.index}` });
  worker.unref(); // a process that has nothing else to do may end
  worker.on('error', () => {}); // told by `reportFailure`
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return { ended, terminate: () => void worker.terminate() };
}

/** The parts of a page's Worker that are used here; the types of Node have none. */
interface PageWorker {
  onmessage: unknown;
  postMessage(data: unknown): void;
  terminate(): void;
}

function startPageWorker(data: WorkerData): WorkerHandle {
  const PageWorker = Reflect.get(globalThis, 'Worker') as new (url: string) => PageWorker;
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  const worker = new PageWorker(url);
  const ended = new Promise<void>((resolve) => {
    worker.onmessage = () => resolve(); // its only message, the last thing it does
  });
  worker.postMessage(data);
  return { ended, terminate: () => worker.terminate() };
}

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Longest that a join may wait for one chunk. Chunks take milliseconds; a suspended machine takes longer. */
const patienceSeconds = 60;

/** The calling thread's instance of the module, and the workers that help it. */
export class ThreadPool {
  readonly exports: Exports;
  readonly #module: WebAssembly.Module;
  readonly #heap: Heap;
  #workers: WorkerHandle[] = [];
  #scratch: number[] = [];
  #stopping = false;
  #waitingSince = 0;
  /** Whether a worker has ended unasked: a chunk that it had taken will never be done. */
  #lost = false;

  constructor(module: WebAssembly.Module, heap: Heap) {
    this.#module = module;
    this.#heap = heap;
    this.exports = instantiate(module, heap.memory, (time) => this.#checkWorkers(time));
    this.exports.initThread!(0, this.#scratchOf(0));
  }

  /** Threads that compute, the calling one included. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /** Starts or stops workers until `threads` threads compute. Workers join in when they are ready; nothing waits for them. */
  async resize(threads: number): Promise<void> {
    if (threads === this.threads) return;
    await this.stop();
    this.#lost = false;
    const memory = this.#heap.memory;
    for (let index = 1; index < threads; index++) {
      const data = { module: this.#module, memory, index, scratch: this.#scratchOf(index) };
      const worker = isNode ? await startNodeWorker(data) : startPageWorker(data);
      this.#workers.push(worker);
      void worker.ended.then(() => this.#onEnd(worker));
    }
  }

  /** Ends all workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.exports.stopWorkers!();
    await Promise.all(this.#workers.map(({ ended }) => ended));
    this.#workers = [];
    this.exports.allowWorkers!();
    this.#stopping = false;
  }

  /** Ends all workers now, without waiting. */
  terminate(): void {
    this.#stopping = true;
    this.exports.stopWorkers!();
    for (const { terminate } of this.#workers) terminate();
    this.#workers = [];
  }

  #scratchOf(index: number): number {
    this.#scratch[index] ??= this.#heap.allocate(this.exports.scratchBytes!());
    return this.#scratch[index];
  }

  #onEnd(worker: WorkerHandle): void {
    if (this.#stopping || !this.#workers.includes(worker)) return;
    this.#lost = true;
    if (isNode) process.emitWarning('engine: a worker thread has ended; going on with fewer threads');
  }

  /** Called by the module while a join takes long, for the first, second, ... time. */
  #checkWorkers(time: number): void {
    const now = performance.now();
    if (time === 1) this.#waitingSince = now;
    const silent = now - this.#waitingSince > patienceSeconds * 1000;
    const reason = this.exports.hasFailed!() ? 'failed' : this.#lost ? 'has ended' : silent ? 'does not answer' : null;
    if (reason !== null) throw new UserError(`engine: a worker thread ${reason}; start again, or use --threads 1`);
  }
}
