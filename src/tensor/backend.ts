// Which TF.js backend computes: how each is found, started, and what it can do.

import { createRequire } from 'node:module';
import { UserError } from '../errors.ts';
import { registerPatches } from './patches.ts';
import { tf } from './tf.ts';

/** Backends a user can name; `auto` takes the fastest one that needs nothing extra. */
export const backendNames = ['auto', 'wasm', 'cpu', 'webgpu', 'tensorflow'] as const;
export type BackendName = (typeof backendNames)[number];

/** A backend that is running. */
export interface ActiveBackend {
  readonly name: Exclude<BackendName, 'auto'>;
  /** Whether tensors can be read without waiting; sparse dispatch needs it, WebGPU cannot. */
  readonly canReadSync: boolean;
}

/** What `tinyseek doctor` says of a backend. */
export interface BackendStatus {
  readonly name: Exclude<BackendName, 'auto'>;
  readonly available: boolean;
  /** What it is, or why it is missing. */
  readonly detail: string;
  readonly howToGet: string | null;
}

interface BackendEntry {
  readonly tfName: string;
  readonly detail: string;
  readonly howToGet: string | null;
  readonly load: () => Promise<void>;
}

const require = createRequire(import.meta.url);

/** Dawn for Node gives the page's `navigator.gpu`; the WebGPU backend looks for it when it is imported. */
async function loadWebGpu(): Promise<void> {
  if (!('gpu' in (Reflect.get(globalThis, 'navigator') ?? {}))) {
    const dawn: { create(flags: string[]): object; globals: object } = await import('webgpu');
    Object.assign(globalThis, dawn.globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: dawn.create([]) }, configurable: true });
  }
  // CommonJS, like the tfjs union under Node: the two must share one engine.
  require('@tensorflow/tfjs-backend-webgpu');
  // Otherwise tensors under a thousand elements are computed by the cpu backend, and dataSync would be needed.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
}

/** tfjs-node 4.22 calls helpers that Node 23 removed (tfjs#8609). */
async function loadTensorFlow(): Promise<void> {
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const name = '@tensorflow/tfjs-node';
  await import(name);
}

const entries: Record<ActiveBackend['name'], BackendEntry> = {
  wasm: {
    tfName: 'wasm',
    detail: 'TF.js WebAssembly (XNNPACK, SIMD, one thread)',
    howToGet: null,
    load: async () => void require('@tensorflow/tfjs-backend-wasm'),
  },
  cpu: { tfName: 'cpu', detail: 'TF.js plain JavaScript; slow, for reference', howToGet: null, load: async () => {} },
  webgpu: {
    tfName: 'webgpu',
    detail: 'TF.js WebGPU through Dawn; experts are computed densely',
    howToGet: 'npm install webgpu, and a GPU with Vulkan, Metal or D3D12',
    load: loadWebGpu,
  },
  tensorflow: {
    tfName: 'tensorflow',
    detail: 'libtensorflow through tfjs-node',
    howToGet: 'npm install @tensorflow/tfjs-node (downloads libtensorflow)',
    load: loadTensorFlow,
  },
};

let active: ActiveBackend | null = null;

/** The backend that `activateBackend` started. */
export function activeBackend(): ActiveBackend {
  if (active === null) throw new Error('internal: no backend is active; await activateBackend() first');
  return active;
}

/**
 * Starts a backend and makes it current; `auto` is `wasm`.
 *
 * Throws a `UserError` that says why it is missing and how to get it; the backend of before then stays current.
 */
export async function activateBackend(requested: BackendName): Promise<ActiveBackend> {
  const name = requested === 'auto' ? 'wasm' : requested;
  if (!Object.hasOwn(entries, name)) {
    throw new UserError(`backend: expected one of ${backendNames.join(', ')}; found ${name}`);
  }
  const reason = await start(name);
  if (reason !== null) {
    const { howToGet } = entries[name];
    throw new UserError(`backend ${name}: not available here (${reason})${howToGet ? `; to get it: ${howToGet}` : ''}`);
  }
  return activeBackend();
}

/** Makes a backend current; if it cannot be, says why and leaves the one of before. */
async function start(name: ActiveBackend['name']): Promise<string | null> {
  const { tfName, load } = entries[name];
  try {
    await load();
    registerPatches(tfName);
    if (!(await tf.setBackend(tfName))) throw new Error('it found no device to run on');
    await tf.ready();
    active = { name, canReadSync: name !== 'webgpu' };
    return null;
  } catch (error) {
    // TF.js has made it current already when it fails to start.
    if (active !== null) await tf.setBackend(entries[active.name].tfName);
    if (!(error instanceof Error)) return String(error);
    return Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
      ? 'not installed'
      : (error.message.split('\n')[0] ?? '');
  }
}

/** Tries every backend in turn and leaves none in particular active. */
export async function probeBackends(): Promise<readonly BackendStatus[]> {
  const statuses: BackendStatus[] = [];
  for (const name of backendNames) {
    if (name === 'auto') continue;
    const { detail, howToGet } = entries[name];
    const reason = await start(name);
    statuses.push({ name, available: reason === null, detail: reason ?? detail, howToGet });
  }
  return statuses;
}
