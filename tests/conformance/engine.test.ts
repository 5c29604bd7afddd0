import { conformanceSuite, reasonMissing } from './suite.ts';

// Kernels sum in another order than the cpu backend, in float32: sums of up to a thousand terms.
conformanceSuite('engine', { tolerance: 1e-5, missing: await reasonMissing('engine'), hasAllKernels: true });
