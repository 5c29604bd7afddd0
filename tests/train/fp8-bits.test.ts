// Golden: the bits of training in 8 bits are those of the first implementation, whose kernels were simpler and slower.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { loadGoldenJson } from '../goldens/load.ts';
import { type Fp8Case, fp8Cases, fp8Steps } from './fp8-steps.ts';

const golden = loadGoldenJson('fp8-steps.json');

describe.each([1, 3])('golden: five steps in 8 bits on %i threads', (threads) => {
  it.each(Object.keys(fp8Cases) as Fp8Case[])('%s', async (name) => {
    await activateBackend('engine', { threads, engineVariant: 'relaxed-6x8' });
    expect(await fp8Steps(name)).toEqual(golden[name]);
  });
});
