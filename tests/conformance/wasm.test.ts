import { conformanceSuite } from './suite.ts';

// float32 as on cpu; sums run in another order, and exp and log are the C library's.
conformanceSuite('wasm', { tolerance: 1e-5, missing: null });
