// The conformance suite on `relaxed-5x16`, whether or not it would be chosen here, as V8 compiles it optimised.

import { setFlagsFromString } from 'node:v8';
import { activateBackend } from '../../src/backends/backends.ts';
import { conformanceSuite } from '../conformance/suite.ts';

// Otherwise a kernel is optimised only after it has run often, and the suite runs each a few times.
setFlagsFromString('--no-wasm-dynamic-tiering');
await activateBackend('engine', { engineVariant: 'relaxed-5x16' });

// As for the variant that is chosen (tests/conformance/engine.test.ts).
conformanceSuite('engine', { tolerance: 1e-5, missing: null });
