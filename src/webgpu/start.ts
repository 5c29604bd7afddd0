// Starts the WebGPU backend in the place of TF.js's own.

import { tf } from '../tensor/tf.ts';
import { createBackend, type WebGpuBackend } from './backend.ts';
import { type Gpu, requestGpu } from './device.ts';
import { registerWebGpuKernels } from './kernels/index.ts';
import { backendName } from './kernels/register.ts';
import type { TfjsBackend, TfjsBackendClass } from './tfjs-backend.ts';

let base: TfjsBackendClass | null = null;
let running: { readonly backend: WebGpuBackend; readonly gpu: Gpu } | null = null;

/** The backend and its GPU, if it has been started. */
export const runningWebGpu = () => running;

/**
 * Registers the backend with TF.js, whose own package must have been loaded.
 *
 * @throws Error where there is no GPU.
 */
export async function startWebGpu(): Promise<Gpu> {
  if (running !== null && tf.findBackend(backendName) === running.backend) return running.gpu;
  const gpu = await requestGpu();
  base ??= await stockClass();
  const backend = createBackend(base, gpu.device, gpu.info);
  registerWebGpuKernels();
  tf.removeBackend(backendName);
  tf.registerBackend(backendName, () => backend, 3);
  running = { backend, gpu };
  return gpu;
}

/** TF.js's class, of which its package registers only a factory. */
async function stockClass(): Promise<TfjsBackendClass> {
  const factory = tf.findBackendFactory(backendName);
  if (factory === undefined) throw new Error('@tensorflow/tfjs-backend-webgpu has not been imported');
  const stock = (await factory()) as TfjsBackend;
  stock.device.destroy();
  return stock.constructor as TfjsBackendClass;
}
