// Writes data/fp8-steps.json: the bits of training in 8 bits, where multiplication and addition are fused.
//
// The numbers are those of the first implementation, in which each operand was rounded by a job of its own and the host
// sorted tokens by expert. Run it again only when the bits are meant to change.

import { writeFileSync } from 'node:fs';
import '../../src/node.ts';
import { activateBackend } from '../../src/backends/backends.ts';
import { type Fp8Case, type Fp8Steps, fp8Cases, fp8Steps } from '../train/fp8-steps.ts';

await activateBackend('engine', { threads: 1, engineVariant: 'relaxed-6x8' });
const steps: Partial<Record<Fp8Case, Fp8Steps>> = {};
for (const name of Object.keys(fp8Cases) as Fp8Case[]) steps[name] = await fp8Steps(name);
writeFileSync(new URL('data/fp8-steps.json', import.meta.url), `${JSON.stringify(steps, null, 2)}\n`);
process.exit(0);
