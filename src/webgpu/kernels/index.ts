// All kernels of the GPU. What is not here runs as TF.js's own, on the same memory.

import { registerLinear } from './linear.ts';
import { registerMatMul } from './matmul.ts';
import { registerRmsNorm } from './rms-norm.ts';
import { registerRotary } from './rotary.ts';
import { registerSwiGlu } from './swiglu.ts';

let isDone = false;

/** Registers them once; those of TF.js must be there, or they would replace these. */
export function registerWebGpuKernels(): void {
  if (isDone) return;
  isDone = true;
  registerLinear();
  registerMatMul();
  registerRmsNorm();
  registerRotary();
  registerSwiGlu();
}
