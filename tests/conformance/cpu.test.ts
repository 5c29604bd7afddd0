import { conformanceSuite } from './suite.ts';

// Against itself: what can differ is the order of sums in dense experts, which are compared with sparse ones.
conformanceSuite('cpu', { tolerance: 1e-5, missing: null });
