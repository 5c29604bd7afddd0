// Writes data/fp8-steps.json, the bits of training in 8 bits with activations kept in float32, or, when asked for `fp8`,
// data/fp8-cached-steps.json with activations kept in 8 bits; where multiplication and addition are fused.
//
// The numbers of the first are those of the first implementation, in which each operand was rounded by a job of its own
// and the host sorted tokens by expert. Run either again only when its bits are meant to change.

import { writeFileSync } from 'node:fs';
import '../../src/node.ts';
import { activateBackend } from '../../src/backends/backends.ts';
import { type Fp8Case, type Fp8Steps, fp8Cases, fp8Steps } from '../train/fp8-steps.ts';

const cached = process.argv[2] === 'fp8' ? 'fp8' : 'float32';
await activateBackend('engine', { threads: 1, engineVariant: 'relaxed-6x8' });
const steps: Partial<Record<Fp8Case, Fp8Steps>> = {};
for (const name of Object.keys(fp8Cases) as Fp8Case[]) steps[name] = await fp8Steps(name, cached);
const file = cached === 'fp8' ? 'fp8-cached-steps.json' : 'fp8-steps.json';
writeFileSync(new URL(`data/${file}`, import.meta.url), `${JSON.stringify(steps, null, 2)}\n`);
process.exit(0);
