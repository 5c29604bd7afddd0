// Which TF.js backend computes: how each is found, started, and what it can do.

import { createRequire } from 'node:module';
import { checkEngineOptions, type EngineOptions, startEngine } from '../engine/engine.ts';
import type { VariantName } from '../engine/variant-names.ts';
import { UserError } from '../errors.ts';
import { nodeAdvice } from './engine-advice.ts';
import { type ActiveBackend, type BackendId, setActiveBackend } from '../tensor/active-backend.ts';
import { registerPatches } from '../tensor/patches.ts';
import { tf } from '../tensor/tf.ts';
import { type BackendName, backendNames } from './backend-names.ts';

/** Settings of the CPU engine; other backends have none. */
export interface BackendOptions {
  /** Threads that compute, the calling one included. Default: one for each core. Results do not depend on it. */
  readonly threads?: number | null;
  /** The engine's binary (`variantNames`). Default: the fastest that gives the right results here. */
  readonly engineVariant?: VariantName | null;
  /** Most that the engine's tensors may take, in bytes. Default: 4 GiB. */
  readonly engineMemory?: number | null;
}

/** What `tinyseek doctor` says of a backend. */
export interface BackendStatus {
  readonly name: BackendId;
  readonly available: boolean;
  /** What it is, or why it is missing. */
  readonly detail: string;
  readonly howToGet: string | null;
}

/** What a backend runs with. */
interface Started {
  readonly threads: number | null;
  readonly engineVariant: string | null;
  readonly detail: string;
}

interface BackendEntry {
  readonly tfName: string;
  readonly detail: string;
  readonly howToGet: string | null;
  /** Registers it with TF.js; what it runs with, where the backend says so. */
  readonly load: (options: BackendOptions) => Promise<Started | undefined>;
}

const require = createRequire(import.meta.url);

/** Dawn for Node gives the page's `navigator.gpu`; the WebGPU backend looks for it when it is imported. */
async function loadWebGpu(): Promise<undefined> {
  if (!('gpu' in (Reflect.get(globalThis, 'navigator') ?? {}))) {
    // By a name that no compiler follows: users and contributors install it only to compute with it.
    const name = 'webgpu';
    const dawn: { create(flags: string[]): object; globals: object } = await import(name);
    Object.assign(globalThis, dawn.globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: dawn.create([]) }, configurable: true });
  }
  // CommonJS, like TF.js's core under Node: the two must share one engine.
  require('@tensorflow/tfjs-backend-webgpu');
  // Otherwise tensors under a thousand elements are computed by the cpu backend, and dataSync would be needed.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
}

/** tfjs-node 4.22 calls helpers that Node 23 removed (tfjs#8609). */
async function loadTensorFlow(): Promise<undefined> {
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const name = '@tensorflow/tfjs-node';
  await import(name);
}

const engineOptions = ({ threads, engineVariant, engineMemory }: BackendOptions): EngineOptions => ({
  threads: threads ?? null,
  variant: engineVariant ?? null,
  memoryLimit: engineMemory ?? null,
});

/** The engine falls back on the kernels of the cpu backend, repairs included. */
async function loadEngine(options: BackendOptions): Promise<Started> {
  registerPatches('cpu');
  const { pool, variant } = await startEngine(engineOptions(options));
  const tried = variant.reports.map(({ name, gflops, problem }) => `${name} ${gflops?.toFixed(0) ?? problem}`);
  const detail = `variant ${variant.name} (GFLOP/s on one thread: ${tried.join(', ')})`;
  return { threads: pool.threads, engineVariant: variant.name, detail };
}

const entries: Record<BackendId, BackendEntry> = {
  engine: {
    tfName: 'engine',
    detail: 'own CPU engine: WebAssembly SIMD',
    howToGet: null,
    load: loadEngine,
  },
  wasm: {
    tfName: 'wasm',
    detail: 'TF.js WebAssembly (XNNPACK, SIMD, one thread)',
    howToGet: null,
    load: async () => void require('@tensorflow/tfjs-backend-wasm') as undefined,
  },
  cpu: {
    tfName: 'cpu',
    detail: 'TF.js plain JavaScript; slow, for reference',
    howToGet: null,
    load: async () => undefined,
  },
  webgpu: {
    tfName: 'webgpu',
    detail: 'TF.js WebGPU through Dawn; experts are computed densely',
    howToGet: '`npm install webgpu`, and a GPU with Vulkan, Metal or D3D12',
    load: loadWebGpu,
  },
  tensorflow: {
    tfName: 'tensorflow',
    detail: 'libtensorflow through tfjs-node',
    howToGet: '`npm install @tensorflow/tfjs-node` (downloads libtensorflow)',
    load: loadTensorFlow,
  },
};

let current: BackendId | null = null;

/**
 * Starts a backend and makes it current. `auto` is the engine, or `wasm` where the engine cannot run.
 *
 * @throws UserError that says why it is missing and how to get it; the backend of before then stays current.
 */
export async function activateBackend(requested: BackendName, options: BackendOptions = {}): Promise<ActiveBackend> {
  if (!backendNames.includes(requested)) {
    throw new UserError(`backend: expected one of ${backendNames.join(', ')}; found ${requested}`);
  }
  const wantsEngine = requested === 'engine' || requested === 'auto';
  for (const option of ['threads', 'engineVariant', 'engineMemory'] as const) {
    if (wantsEngine || (options[option] ?? null) === null) continue;
    throw new UserError(`${option}: only for --backend engine, found --backend ${requested}; leave it out`);
  }
  if (wantsEngine) checkEngineOptions(engineOptions(options));
  const name = requested === 'auto' ? 'engine' : requested;
  const started = await start(name, options);
  if (typeof started !== 'string') return record(name, started, { advice: adviceOn(name, options) });
  if (requested === 'auto' && Object.values(options).every((option) => (option ?? null) === null)) {
    await activateBackend('wasm');
    const warning = `the CPU engine cannot run here (${started}); going on with wasm, which is slower`;
    return record('wasm', null, { warning });
  }
  const { howToGet } = entries[name];
  throw new UserError(`backend ${name}: not available here (${started})${howToGet ? `; to get it: ${howToGet}` : ''}`);
}

/** A variant that was asked for is what is wanted. */
function adviceOn(name: BackendId, { engineVariant }: BackendOptions): string | null {
  return name === 'engine' && (engineVariant ?? null) === null ? nodeAdvice() : null;
}

type Remarks = Partial<Pick<ActiveBackend, 'warning' | 'advice'>>;

function record(name: BackendId, started: Started | null, remarks: Remarks = {}): ActiveBackend {
  const { threads, engineVariant } = started ?? { threads: null, engineVariant: null };
  const { warning = null, advice = null } = remarks;
  const backend = { name, canReadSync: name !== 'webgpu', threads, engineVariant, warning, advice };
  setActiveBackend(backend);
  return backend;
}

/** Makes a backend current; if it cannot be, says why and leaves the one of before. */
async function start(name: BackendId, options: BackendOptions): Promise<string | Started> {
  const { tfName, load, detail } = entries[name];
  try {
    const loaded = await load(options);
    registerPatches(tfName);
    if (!(await tf.setBackend(tfName))) throw new Error('it found no device to run on');
    await tf.ready();
    current = name;
    return loaded ?? { threads: null, engineVariant: null, detail };
  } catch (error) {
    // TF.js has made it current already when it fails to start.
    if (current !== null) await tf.setBackend(entries[current].tfName);
    if (!(error instanceof Error)) return String(error);
    return Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
      ? 'not installed'
      : (error.message.split('\n')[0] ?? '');
  }
}

/** Tries every backend in turn, the engine with `options`, and leaves none in particular active. */
export async function probeBackends(options: BackendOptions = {}): Promise<readonly BackendStatus[]> {
  const statuses: BackendStatus[] = [];
  for (const name of backendNames) {
    if (name === 'auto') continue;
    const { detail, howToGet } = entries[name];
    const started = await start(name, name === 'engine' ? options : {});
    if (typeof started === 'string') {
      statuses.push({ name, available: false, detail: started, howToGet });
      continue;
    }
    const threads = started.threads === null ? '' : `, ${started.threads} thread${started.threads === 1 ? '' : 's'}`;
    const more = started.detail === detail ? '' : `; ${started.detail}`;
    statuses.push({ name, available: true, detail: `${detail}${threads}${more}`, howToGet });
    record(name, started);
  }
  return statuses;
}
