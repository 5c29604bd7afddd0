// All kernels of the engine. What is not here runs as the cpu backend's kernel, on the same memory.

import { tf } from '../../tensor/tf.ts';
import { registerAttention } from './attention.ts';
import { registerBalanceLoss } from './balance-loss.ts';
import { registerCrossEntropy } from './cross-entropy.ts';
import { registerEmbedding } from './embedding.ts';
import { registerFp8Experts } from './fp8-experts.ts';
import { registerFp8Linear } from './fp8-linear.ts';
import { registerGroupedMatMul } from './grouped-matmul.ts';
import { registerLinear } from './linear.ts';
import { registerMatMul } from './matmul.ts';
import { registerOptimizer } from './optimizer.ts';
import { registerPackVector } from './pack-vector.ts';
import { registerQuantize } from './quantize.ts';
import { backendName } from './register.ts';
import { registerRmsNorm } from './rms-norm.ts';
import { registerRotary } from './rotary.ts';
import { registerRoutedExperts } from './routed-experts.ts';
import { registerRouter } from './router.ts';
import { registerStandard } from './standard.ts';
import { registerSwiGlu } from './swiglu.ts';

let areRegistered = false;

/** Registers them, once; those of the cpu backend must be complete. */
export function registerEngineKernels(): void {
  if (areRegistered) return;
  areRegistered = true;
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({ ...kernel, backendName });
  registerMatMul();
  registerLinear();
  registerAttention();
  registerRmsNorm();
  registerSwiGlu();
  registerRouter();
  registerGroupedMatMul();
  registerRoutedExperts();
  registerQuantize();
  registerFp8Linear();
  registerFp8Experts();
  registerRotary();
  registerStandard();
  registerCrossEntropy();
  registerEmbedding();
  registerOptimizer();
  registerPackVector();
  registerBalanceLoss();
}
