// Finds and starts the TF.js backends, and tells what each can do.

import { checkEngineOptions, type EngineOptions, startEngine } from '../engine/engine.ts';
import type { Rounding, VariantName } from '../engine/variant-names.ts';
import { UserError } from '../errors.ts';
import { type ActiveBackend, type BackendId, setActiveBackend } from '../tensor/active-backend.ts';
import { registerPatches } from '../tensor/patches.ts';
import { tf } from '../tensor/tf.ts';
import { setRunningWebGpu } from '../webgpu/running.ts';
import { type BackendName, backendNames } from './backend-names.ts';
import { type BackendSource, host } from './host.ts';

/** Settings of the CPU engine; other backends have none. */
export interface BackendOptions {
  /** Threads that compute, the calling one included. Default: one for each core. Results do not depend on it. */
  readonly threads?: number | null;
  /** The engine's binary (`variantNames`). Default: the fastest that gives the right results here. */
  readonly engineVariant?: VariantName | null;
  /** How the engine should round where it can, if no variant is asked for. Default: as the fastest variant does. */
  readonly rounding?: Rounding | null;
  /** Most that the engine's tensors may take, in bytes. Default: 4 GiB. */
  readonly engineMemory?: number | null;
}

/** What `tinyseek doctor` says of a backend. */
export interface BackendStatus {
  readonly name: BackendId;
  readonly available: boolean;
  /** A description of the backend, or why it is missing. */
  readonly detail: string;
  readonly howToGet: string | null;
}

/** What a backend runs with. */
interface Started {
  readonly threads: number | null;
  readonly engineVariant: string | null;
  readonly device: string | null;
  readonly detail: string;
}

interface BackendEntry {
  /** A description of the backend. */
  readonly detail: string;
  /** Whether tensors can be read without waiting. */
  readonly canReadSync: boolean;
}

const engineOptions = ({ threads, engineVariant, rounding, engineMemory }: BackendOptions): EngineOptions => ({
  threads: threads ?? null,
  variant: engineVariant ?? null,
  rounding: rounding ?? null,
  memoryLimit: engineMemory ?? null,
});

/** The engine falls back on the kernels of the cpu backend, repairs included. */
async function loadEngine(options: BackendOptions): Promise<Started> {
  registerPatches('cpu');
  const { pool, variant } = await startEngine(engineOptions(options));
  const tried = variant.reports.map(({ name, gflops, problem }) => `${name} ${gflops?.toFixed(0) ?? problem}`);
  const detail = `variant ${variant.name} (GFLOP/s on one thread: ${tried.join(', ')})`;
  return { threads: pool.threads, engineVariant: variant.name, device: null, detail };
}

/** Imported when it is wanted: a page without a GPU need not load it. */
async function loadWebGpu(): Promise<Started> {
  // Otherwise tensors under a thousand elements are computed by the cpu backend, and dataSync would be needed.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  const { startWebGpu } = await import('../webgpu/start.ts');
  const { name, isSoftware } = await startWebGpu();
  const device = `${name}${isSoftware ? ' (computed in software)' : ''}`;
  return { threads: null, engineVariant: null, device, detail: device };
}

const entries: Readonly<Record<BackendId, BackendEntry>> = {
  engine: { detail: 'own CPU engine: WebAssembly SIMD', canReadSync: true },
  wasm: { detail: 'TF.js WebAssembly (XNNPACK, SIMD, one thread)', canReadSync: true },
  cpu: { detail: 'TF.js plain JavaScript; slow, for reference', canReadSync: true },
  webgpu: { detail: 'WebGPU; kernels of our own over those of TF.js', canReadSync: false },
  tensorflow: { detail: 'libtensorflow through tfjs-node', canReadSync: true },
};

/** The source of a backend that is not part of the core; null for the others. */
function sourceOf(name: BackendId): BackendSource | null {
  return name === 'engine' || name === 'cpu' ? null : host().sources[name];
}

let current: BackendId | null = null;

/**
 * Starts a backend and makes it current. `auto` is the engine, or `wasm` where the engine cannot run.
 *
 * @throws UserError that says why it is missing and how to get it; the previous backend then stays current.
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
  if (
    requested === 'auto' &&
    Object.values({ ...options, rounding: null }).every((option) => (option ?? null) === null)
  ) {
    await activateBackend('wasm');
    const warning = `the CPU engine cannot run here (${started}); going on with wasm, which is slower`;
    return record('wasm', null, { warning });
  }
  const howToGet = sourceOf(name)?.howToGet;
  throw new UserError(`backend ${name}: not available here (${started})${howToGet ? `; to get it: ${howToGet}` : ''}`);
}

/** How the engine could be faster; null for other backends, and if the user asked for a variant of the engine. */
function adviceOn(name: BackendId, { engineVariant }: BackendOptions): string | null {
  return name === 'engine' && (engineVariant ?? null) === null ? host().advice() : null;
}

type Remarks = Partial<Pick<ActiveBackend, 'warning' | 'advice'>>;

function record(name: BackendId, started: Started | null, remarks: Remarks = {}): ActiveBackend {
  const { threads, engineVariant, device } = started ?? { threads: null, engineVariant: null, device: null };
  const { warning = null, advice = null } = remarks;
  const backend = { name, canReadSync: entries[name].canReadSync, threads, engineVariant, device, warning, advice };
  setActiveBackend(backend);
  return backend;
}

/** Makes a backend current. If that fails, returns the reason and keeps the previous one. */
async function start(name: BackendId, options: BackendOptions): Promise<string | Started> {
  try {
    const loaded = name === 'engine' ? await loadEngine(options) : null;
    await sourceOf(name)?.load();
    registerPatches(name);
    const gpu = name === 'webgpu' ? await loadWebGpu() : null;
    if (!(await tf.setBackend(name))) throw new Error('it found no device to run on');
    await tf.ready();
    if (name !== 'webgpu') setRunningWebGpu(null);
    current = name;
    return loaded ?? gpu ?? { threads: null, engineVariant: null, device: null, detail: entries[name].detail };
  } catch (error) {
    // TF.js has made it current already when it fails to start.
    if (current !== null) await tf.setBackend(current);
    if (!(error instanceof Error)) return String(error);
    return Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
      ? 'not installed'
      : (error.message.split('\n')[0] ?? '');
  }
}

/** Tries every backend in turn, the engine with `options`. Afterwards any of them may be the active one. */
export async function probeBackends(options: BackendOptions = {}): Promise<readonly BackendStatus[]> {
  const statuses: BackendStatus[] = [];
  for (const name of backendNames) {
    if (name === 'auto') continue;
    const { detail } = entries[name];
    const howToGet = sourceOf(name)?.howToGet ?? null;
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
