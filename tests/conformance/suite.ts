// One suite for all backends: every op and two optimizer steps, values and gradients, against the reference on `cpu`.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { gradientName, hasKernel } from '../../src/ops/kernels.ts';
import type { ActiveBackend } from '../../src/tensor/active-backend.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { allOps } from '../ops/all-ops.ts';
import { type CaseNumbers, runCase } from '../ops/op-case.ts';
import { opCases } from '../ops/op-cases.ts';
import { runTraining, type TrainingNumbers } from './training.ts';

export interface ConformanceOptions {
  /**
   * Largest allowed difference, as a share of the largest element of a tensor; sums with cancellation have no better
   * bound.
   */
  readonly tolerance: number;
  /** Why the backend is not there, or null. The suite is then one skipped test with the reason in its title. */
  readonly missing: string | null;
  /** Whether every op is computed by a kernel of the backend's own, and by a gradient kernel. */
  readonly hasAllKernels?: boolean;
  /** Ops that it has no use for. */
  readonly unused?: readonly { readonly name: string }[];
  /** Something that grows with every piece of work the backend does; each op has to move it. */
  readonly work?: () => number;
}

/** Starts a backend, or says, loudly, why it cannot be tested here; `hint` is one more way to get it. */
export async function reasonMissing(name: ActiveBackend['name'], hint = ''): Promise<string | null> {
  try {
    await activateBackend(name);
    return null;
  } catch (error) {
    const reason = `${error instanceof Error ? error.message : String(error)}${hint}`;
    console.warn(`\n*** NOT TESTED: conformance of the ${name} backend\n*** ${reason}\n`);
    return reason;
  }
}

/** Registers the tests of one backend. Differences below 1e-6 are what is left where terms of size 1 cancel. */
export function conformanceSuite(name: ActiveBackend['name'], options: ConformanceOptions): void {
  const { tolerance, missing, hasAllKernels = false, unused = [], work } = options;
  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) => {
    const largest = Array.from(expected).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expectAllClose(actual, expected, { rtol: 0, atol: tolerance * largest + 1e-6 }, what);
  };

  describe(`conformance of ${name}`, () => {
    if (missing !== null) {
      // Not every machine has every backend: a skip that the run counts and names, where leaving it out would say
      // nothing.
      it.skip(`is not tested: ${missing}`);
      return;
    }
    const references = new Map<string, CaseNumbers>();
    let trained: TrainingNumbers;

    beforeAll(async () => {
      await activateBackend('cpu');
      for (const opCase of opCases) references.set(opCase.title, await runCase(opCase, 'reference'));
      trained = await runTraining();
      await activateBackend(name);
    });

    it('computes what it has kernels for by them, and their gradients', async () => {
      const { fused, lists } = await allOps();
      const kernels = fused.map((op) => [op.name, ...(op.gradients.names.length > 0 ? [gradientName(op)] : [])]);
      const wanted = [...kernels, ...lists.map((op) => [op.name])].filter(
        ([name]) => (hasAllKernels && !unused.some((op) => op.name === name)) || hasKernel({ name: name! }),
      );
      expect(wanted.flat().filter((kernel) => !hasKernel({ name: kernel }))).toEqual([]);
    });

    it.each(opCases.map((opCase) => [opCase.title, opCase] as const))('%s: values and gradients', async (_, opCase) => {
      const expected = references.get(opCase.title)!;
      const before = { tensors: tf.memory().numTensors, work: work?.() ?? 0 };
      const actual = await runCase(opCase);
      expect(actual.exact).toEqual(expected.exact);
      close(actual.output, expected.output, 'output');
      for (const [i, grad] of expected.grads.entries()) close(actual.grads[i]!, grad, `gradient ${i}`);
      expect(tf.memory().numTensors).toBe(before.tensors);
      if (work !== undefined) expect(work()).toBeGreaterThan(before.work);
    });

    it('trains a nano model: losses, selections, gradients and updated weights of two steps', async () => {
      const before = tf.memory().numTensors;
      const actual = await runTraining();
      expect(actual.counts).toEqual(trained.counts);
      close(actual.losses, trained.losses, 'losses');
      for (const kind of ['gradients', 'weights'] as const) {
        expect(actual[kind].map(({ name }) => name)).toEqual(trained[kind].map(({ name }) => name));
        for (const [i, { name, data }] of trained[kind].entries())
          close(actual[kind][i]!.data, data, `${kind} ${name}`);
      }
      expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]!);
      expect(tf.memory().numTensors).toBe(before);
    });
  });
}
