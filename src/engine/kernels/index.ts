// All kernels of the engine. What is not here runs as the cpu backend's kernel, on the same memory.

import { tf } from '../../tensor/tf.ts';
import { registerMatMul } from './matmul.ts';
import { backendName } from './register.ts';
import { registerRmsNorm } from './rms-norm.ts';
import { registerStandard } from './standard.ts';

/** Registers them once; those of the cpu backend must be complete. */
export function registerKernels(): void {
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({ ...kernel, backendName });
  registerMatMul();
  registerRmsNorm();
  registerStandard();
}
