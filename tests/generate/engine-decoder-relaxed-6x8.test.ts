import { setFlagsFromString } from 'node:v8';
import { describeEngineDecoder } from './engine-decoder.ts';
import { describeNarrowWeights } from './narrow-weights.ts';

// Otherwise a kernel is optimised only after it has run often.
setFlagsFromString('--no-wasm-dynamic-tiering');
describeEngineDecoder('relaxed-6x8');
describeNarrowWeights('relaxed-6x8');
