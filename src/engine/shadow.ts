// The engine without memory and without arithmetic: every tensor has an address and a size, and no kernel computes.
//
// What runs on it asks for the same blocks in the same order as on the engine itself, because it is the same code. So
// it tells what a computation takes before it is made, for sizes too that no machine holds.

import { registerPatches } from '../tensor/patches.ts';
import { tf } from '../tensor/tf.ts';
import type { Address } from './address.ts';
import { EngineBackend } from './backend.ts';
import { runningEngine } from './engine.ts';
import type { Exports } from './exports.ts';
import { Heap } from './heap.ts';
import { host } from './host.ts';
import { registerEngineKernels } from './kernels/index.ts';
import { backendName } from './kernels/register.ts';
import { instantiate } from './module.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { VariantName } from './variant-names.ts';
import type { LoadedVariant } from './variants.ts';

const shadowName = 'engine-shadow';
const pageBytes = 65536;

/** Memory of any size that is not there; only its length is known. */
class NoMemory {
  readonly buffer = { byteLength: pageBytes };

  grow(pages: number): number {
    this.buffer.byteLength += pages * pageBytes;
    return pages;
  }
}

class ShadowHeap extends Heap {
  constructor() {
    const memory = new NoMemory() as unknown as WebAssembly.Memory;
    super(Number.POSITIVE_INFINITY, false, (limit) => ({ memory, limit }));
  }

  /** Zeros, which are forgotten with the view. */
  override view<Values>(
    View: new (buffer: ArrayBufferLike, at: number, length: number) => Values,
    _: Address,
    length: number,
  ): Values {
    const bytesEach = Reflect.get(View, 'BYTES_PER_ELEMENT') as number;
    return new View(new ArrayBuffer(length * bytesEach), 0, length);
  }
}

/** Functions of the module that say how large a block has to be; they read no memory. */
const tellsSize = /(Workspace|Length|Columns|Width|Bytes)$/;

/** What kernels return when all is well, where that is not nothing. */
const results: Readonly<Record<string, number>> = { planExperts: 1, gatherRows: -1 };

/** The functions of the module: those that tell sizes, and others that do nothing. */
function shadowExports(exports: Exports): Exports {
  const entries = Object.entries(exports as unknown as Readonly<Record<string, (...args: number[]) => unknown>>);
  const shadows = entries
    .filter(([, value]) => typeof value === 'function')
    .map(([name, kernel]) => [name, tellsSize.test(name) ? kernel : () => results[name]]);
  return Object.fromEntries(shadows) as Exports;
}

/** The binary that is always there, when no engine runs whose sizes would be known. */
const plainVariant: VariantName = 'simd-6x8';

/** A way to run something on the shadow. */
export interface Shadow {
  readonly heap: Heap;
  /** Runs `body`, which must not wait, with the shadow as the backend of TF.js, and makes the one before current. */
  run<T>(body: () => T): T;
}

/** A shadow of the engine with so many threads: of the variant that runs, or of plain SIMD if none does. */
export async function createShadow(threads: number): Promise<Shadow> {
  registerPatches('cpu');
  registerEngineKernels();
  const running = runningEngine();
  const exports = running === null ? await plainExports() : running.pool.exports;
  if (tf.getKernelsForBackend(shadowName).length === 0) tf.copyRegisteredKernels(backendName, shadowName);
  const heap = new ShadowHeap();
  const pool = { threads, exports: shadowExports(exports), terminate: () => {} } as unknown as ThreadPool;
  const variant = { name: running?.variant.name ?? plainVariant } as LoadedVariant;
  return { heap, run: (body) => runWith(new EngineBackend(heap, pool, variant), body) };
}

async function plainExports(): Promise<Exports> {
  const module = await host().compile(plainVariant, false);
  return instantiate(module, new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: false }), () => {});
}

function runWith<T>(backend: EngineBackend, body: () => T): T {
  const before: string | null | undefined = tf.getBackend(); // none is null, whatever the types of TF.js say
  tf.registerBackend(shadowName, () => backend);
  // TF.js makes a backend current before the promise that it returns is looked at, if starting it takes no waiting.
  void tf.setBackend(shadowName);
  try {
    return body();
  } finally {
    if (typeof before === 'string') void tf.setBackend(before);
    tf.removeBackend(shadowName);
  }
}
