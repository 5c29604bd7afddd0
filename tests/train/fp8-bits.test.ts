// Golden: the bits of training in 8 bits. With activations kept in float32 they are those of the first implementation,
// whose kernels were simpler and slower; with activations kept in 8 bits those of the day on which that came.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { loadGoldenJson } from '../goldens/load.ts';
import { type Cached, type Fp8Case, fp8Cases, fp8Steps } from './fp8-steps.ts';

const goldens = {
  float32: loadGoldenJson('fp8-steps.json'),
  fp8: loadGoldenJson('fp8-cached-steps.json'),
} as const satisfies Record<Cached, unknown>;

describe.each([1, 3])('golden: five steps in 8 bits on %i threads', (threads) => {
  const cases = (Object.keys(fp8Cases) as Fp8Case[]).flatMap((name) => [
    [name, 'float32'] as const,
    [name, 'fp8'] as const,
  ]);
  it.each(cases)('%s, activations kept in %s', async (name, cached) => {
    await activateBackend('engine', { threads, engineVariant: 'relaxed-6x8' });
    expect(await fp8Steps(name, cached)).toEqual(goldens[cached][name]);
  });
});
