// Starts the WebGPU backend in the place of TF.js's own.

import { tf } from '../tensor/tf.ts';
import { createBackend, type WebGpuBackend } from './backend.ts';
import { type Gpu, requestGpu } from './device.ts';
import { registerWebGpuKernels } from './kernels/index.ts';
import { backendName } from './kernels/register.ts';
import { setRunningWebGpu } from './running.ts';
import type { TfjsBackend, TfjsBackendClass } from './tfjs-backend.ts';

let base: TfjsBackendClass | null = null;
let started: { readonly backend: WebGpuBackend; readonly gpu: Gpu } | null = null;

/**
 * Registers the backend with TF.js, whose own package must have been loaded. A device that was lost is asked for again.
 *
 * @throws Error where there is no GPU.
 */
export async function startWebGpu(): Promise<Gpu> {
  if (started === null || isGone(started.backend)) started = await register();
  setRunningWebGpu(started.backend);
  return started.gpu;
}

const isGone = (backend: WebGpuBackend) => backend.commands.isLost || tf.findBackend(backendName) !== backend;

async function register(): Promise<NonNullable<typeof started>> {
  const gpu = await requestGpu();
  base ??= await stockClass();
  const backend = createBackend(base, gpu.device, gpu.info);
  registerWebGpuKernels();
  if (tf.findBackendFactory(backendName) !== undefined) tf.removeBackend(backendName);
  tf.registerBackend(backendName, () => backend, 3);
  return { backend, gpu };
}

/** TF.js's class, of which its package registers only a factory. */
async function stockClass(): Promise<TfjsBackendClass> {
  const factory = tf.findBackendFactory(backendName);
  if (factory === undefined) throw new Error('@tensorflow/tfjs-backend-webgpu has not been imported');
  const stock = (await factory()) as TfjsBackend;
  stock.device.destroy();
  return stock.constructor as TfjsBackendClass;
}
