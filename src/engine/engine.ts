// Starts the CPU engine and makes it known to TF.js.

import { UserError } from '../errors.ts';
import { tf } from '../tensor/tf.ts';
import { EngineBackend } from './backend.ts';
import { Heap, wholeMemory } from './heap.ts';
import { host } from './host.ts';
import { registerEngineKernels } from './kernels/index.ts';
import { backendName } from './kernels/register.ts';
import { mostThreads, ThreadPool } from './thread-pool.ts';
import { type Rounding, type VariantName, variantNames } from './variant-names.ts';
import { loadVariant } from './variants.ts';

export interface EngineOptions {
  /** Threads that compute, the calling one included; null: one for each core. */
  readonly threads: number | null;
  /** The binary to use; null: the fastest that is right. */
  readonly variant: VariantName | null;
  /** How it should round, if there is a choice and no variant is asked for; null: as the fastest does. */
  readonly rounding?: Rounding | null;
  /** Most that tensors may take, in bytes; null: 4 GiB, all that WebAssembly can address. */
  readonly memoryLimit: number | null;
}

/** Node with shared memory, or a page that is cross-origin isolated; elsewhere one thread computes. */
function canShareMemory(): boolean {
  const isolated = Reflect.get(globalThis, 'crossOriginIsolated');
  return typeof SharedArrayBuffer !== 'undefined' && isolated !== false;
}

const howToShare =
  'a page has threads when it is served with Cross-Origin-Opener-Policy: same-origin and ' +
  'Cross-Origin-Embedder-Policy: require-corp';

/** The least memory limit: the scratch memory of the threads and one tensor must fit. */
const leastMemory = 16 * 2 ** 20;

interface RunningEngine {
  readonly backend: EngineBackend;
  readonly memoryLimit: number | null;
}

let running: RunningEngine | null = null;
/** The start before; each start waits for it. */
let lastStart: Promise<unknown> = Promise.resolve();

/** The engine's backend, started; null before. */
export function runningEngine(): EngineBackend | null {
  return running?.backend ?? null;
}

/** Throws a `UserError` for options that are impossible, here or since the engine was started. */
export function checkEngineOptions({ threads, variant, memoryLimit }: EngineOptions): void {
  if (threads !== null && !(Number.isInteger(threads) && threads >= 1 && threads <= mostThreads)) {
    throw new UserError(`threads: expected a whole number from 1 to ${mostThreads}, found ${threads}`);
  }
  if (variant !== null && !variantNames.includes(variant)) {
    throw new UserError(`engineVariant: expected one of ${variantNames.join(', ')}; found ${variant}`);
  }
  if (memoryLimit !== null && !(memoryLimit >= leastMemory && memoryLimit <= wholeMemory)) {
    throw new UserError(`engineMemory: expected ${leastMemory} to ${wholeMemory} bytes, found ${memoryLimit}`);
  }
  if (running === null) return;
  if (variant !== null && variant !== running.backend.variant.name) {
    const { name } = running.backend.variant;
    throw new UserError(`engineVariant: the engine runs as ${name} already; choose the variant before its first use`);
  }
  if (memoryLimit !== null && memoryLimit !== running.memoryLimit) {
    throw new UserError('engineMemory: the engine runs already; set its limit before its first use');
  }
}

/**
 * Starts the engine, or changes the number of threads of the one that runs. The variant and the memory limit are those
 * of the first start.
 *
 * @throws UserError when this machine cannot run it, or the options are impossible.
 */
export function startEngine(options: EngineOptions): Promise<EngineBackend> {
  const started = lastStart.then(() => startNow(options));
  lastStart = started.catch(() => {});
  return started;
}

async function startNow(options: EngineOptions): Promise<EngineBackend> {
  checkEngineOptions(options);
  const shared = canShareMemory();
  running ??= await createEngine(shared, options);
  const { backend } = running;
  const wanted = options.threads ?? Math.min(host().cores(), mostThreads);
  await backend.pool.resize(shared ? wanted : 1);
  return backend;
}

async function createEngine(
  shared: boolean,
  { variant, rounding = null, memoryLimit }: EngineOptions,
): Promise<RunningEngine> {
  if (!shared) console.warn(`engine: one thread computes; ${howToShare}`);
  const wanted = variant ?? rounding;
  const loaded = await loadVariant(shared, wanted).catch((error: unknown) => {
    if (variant !== null || rounding === null) throw error;
    return loadVariant(shared, null); // whoever asked is told by the variant that runs
  });
  const heap = new Heap(memoryLimit ?? wholeMemory, shared);
  const backend = new EngineBackend(heap, new ThreadPool(loaded.module, heap), loaded);
  registerEngineKernels();
  tf.registerBackend(backendName, () => backend);
  return { backend, memoryLimit };
}
