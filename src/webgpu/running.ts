// The backend that is running, for those who ask what it does: this file imports none of it.

import type { WebGpuBackend } from './backend.ts';

let running: WebGpuBackend | null = null;

/** Null until the backend is started, and while another one computes. */
export function runningWebGpu(): WebGpuBackend | null {
  return running;
}

export function setRunningWebGpu(backend: WebGpuBackend | null): void {
  running = backend;
}
