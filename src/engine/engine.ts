// Starts the CPU engine and makes it known to TF.js.

import { UserError } from '../errors.ts';
import { tf } from '../tensor/tf.ts';
import { EngineBackend } from './backend.ts';
import { Heap } from './heap.ts';
import { registerKernels } from './kernels/index.ts';
import { backendName } from './kernels/register.ts';
import { ThreadPool } from './thread-pool.ts';
import type { VariantName } from './variant-names.ts';
import { loadVariant } from './variants.ts';

export interface EngineOptions {
  /** Threads that compute, the calling one included; null: one for each core. */
  readonly threads: number | null;
  /** The binary to use; null: the fastest that is right. */
  readonly variant: VariantName | null;
  /** Most that tensors may take, in bytes; null: 4 GiB, all that WebAssembly can address. */
  readonly memoryLimit: number | null;
}

/** Node with shared memory, or a page that is cross-origin isolated; elsewhere one thread computes. */
function canShareMemory(): boolean {
  const isolated = Reflect.get(globalThis, 'crossOriginIsolated');
  return typeof SharedArrayBuffer !== 'undefined' && isolated !== false;
}

async function coresOfMachine(): Promise<number> {
  if (typeof process === 'undefined' || process.versions?.node === undefined) {
    return Number(Reflect.get(globalThis, 'navigator')?.hardwareConcurrency ?? 1);
  }
  const { availableParallelism } = await import('node:os');
  return availableParallelism();
}

const wholeMemory = 4 * 2 ** 30;
const mostThreads = 64;

let running: EngineBackend | null = null;
let startedWith: Pick<EngineOptions, 'variant' | 'memoryLimit'> | null = null;

/** The engine's backend, started; null before. */
export function runningEngine(): EngineBackend | null {
  return running;
}

/**
 * Starts the engine, or changes the number of threads of the one that runs. The variant and the memory limit are those of
 * the first start.
 *
 * Throws a `UserError` when this machine cannot run it, or the options are impossible.
 */
export async function startEngine({ threads, variant, memoryLimit }: EngineOptions): Promise<EngineBackend> {
  if (threads !== null && !(Number.isInteger(threads) && threads >= 1 && threads <= mostThreads)) {
    throw new UserError(`threads: expected a whole number from 1 to ${mostThreads}, found ${threads}`);
  }
  const shared = canShareMemory();
  const backend = running ?? (await createEngine(shared, variant, memoryLimit));
  if (variant !== null && variant !== backend.variant.name) {
    throw new UserError(`engine: runs as ${backend.variant.name} already; choose the variant before its first use`);
  }
  if (startedWith !== null && memoryLimit !== startedWith.memoryLimit && memoryLimit !== null) {
    throw new UserError('engine: runs already; set its memory limit before its first use');
  }
  startedWith ??= { variant, memoryLimit };
  const wanted = threads ?? Math.min(await coresOfMachine(), mostThreads);
  await backend.pool.resize(shared ? wanted : 1);
  return backend;
}

async function createEngine(
  shared: boolean,
  variant: VariantName | null,
  memoryLimit: number | null,
): Promise<EngineBackend> {
  const loaded = await loadVariant(shared, variant);
  const heap = new Heap(memoryLimit ?? wholeMemory, shared);
  const backend = new EngineBackend(heap, new ThreadPool(loaded.module, heap), loaded);
  registerKernels();
  tf.registerBackend(backendName, () => backend);
  running = backend;
  return backend;
}
