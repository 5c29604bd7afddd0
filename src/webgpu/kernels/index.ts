// All kernels of the GPU. What is not here runs as TF.js's own, on the same memory.

import { registerAttention } from './attention.ts';
import { registerBalanceLoss } from './balance-loss.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerEmbedding } from './embedding.ts';
import { registerRoutedExperts } from './experts.ts';
import { registerFp8Experts } from './fp8-experts.ts';
import { registerFp8Linear } from './fp8-linear.ts';
import { registerGroupedMatMul } from './grouped-matmul.ts';
import { registerGuardedUpdate } from './guarded-update.ts';
import { registerLinear } from './linear.ts';
import { registerMatMul } from './matmul.ts';
import { registerOptimizer } from './optimizer.ts';
import { registerQuantize } from './quantize.ts';
import { registerRmsNorm } from './rms-norm.ts';
import { registerRotary } from './rotary.ts';
import { registerRouter } from './router.ts';
import { registerSwiGlu } from './swiglu.ts';

let isDone = false;

/** Registers them once; those of TF.js must be there, or they would replace these. */
export function registerWebGpuKernels(): void {
  if (isDone) return;
  isDone = true;
  registerAttention();
  registerBalanceLoss();
  registerCrossEntropy();
  registerEmbedding();
  registerRoutedExperts();
  registerFp8Experts();
  registerFp8Linear();
  registerGroupedMatMul();
  registerGuardedUpdate();
  registerLinear();
  registerMatMul();
  registerOptimizer();
  registerQuantize();
  registerRmsNorm();
  registerRotary();
  registerRouter();
  registerSwiGlu();
}
