// All kernels of the engine. What is not here runs as the cpu backend's kernel, on the same memory.

import { tf } from '../../tensor/tf.ts';
import { registerGroupedMatMul } from './grouped-matmul.ts';
import { registerMatMul } from './matmul.ts';
import { backendName } from './register.ts';
import { registerRmsNorm } from './rms-norm.ts';
import { registerRoutedExperts } from './routed-experts.ts';
import { registerRouter } from './router.ts';
import { registerSwiGlu } from './swiglu.ts';

/** Registers them once; those of the cpu backend must be complete. */
export function registerKernels(): void {
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({ ...kernel, backendName });
  registerMatMul();
  registerRmsNorm();
  registerSwiGlu();
  registerRouter();
  registerGroupedMatMul();
  registerRoutedExperts();
}
