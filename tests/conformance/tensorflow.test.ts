import { conformanceSuite, reasonMissing } from './suite.ts';

// float32; Eigen and oneDNN reorder sums and approximate exp.
conformanceSuite('tensorflow', { tolerance: 1e-4, missing: await reasonMissing('tensorflow') });
