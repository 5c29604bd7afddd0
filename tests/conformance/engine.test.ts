import * as guarded from '../../src/ops/guarded-update.ts';
import { conformanceSuite, reasonMissing } from './suite.ts';

conformanceSuite('engine', {
  // Kernels sum in another order than the cpu backend, in float32: sums of up to a thousand terms.
  tolerance: 1e-5,
  missing: await reasonMissing('engine'),
  hasAllKernels: true,
  // The host looks at the numbers of a step before it updates anything.
  unused: [guarded.updateGuardOp, guarded.guardedAdamwOp, guarded.guardedEmaOp, guarded.guardedBiasOp],
});
