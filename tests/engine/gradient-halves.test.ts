// Kernels whose gradient comes in two halves: what each half runs, and the bits of both on sizes with many chunks and
// tiles.

import { describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { linear } from '../../src/ops/linear.ts';
import { linearCrossEntropy } from '../../src/ops/linear-cross-entropy.ts';
import { routedExperts } from '../../src/ops/routed-experts.ts';
import { pullback } from '../../src/tensor/pullback.ts';
import { tf } from '../../src/tensor/tf.ts';
import { constant, input } from '../ops/op-case.ts';

await activateBackend('engine', { threads: 2 });

interface Case {
  readonly title: string;
  readonly kernel: string;
  /** An op of these inputs and weights; makes them in the scope that it is called in. */
  readonly build: () => { inputs: tf.Tensor[]; weights: tf.Variable[]; output: (...inputs: tf.Tensor[]) => tf.Tensor };
}

const linearCase = (N: number, I: number, O: number): Case => ({
  title: `linear of [${N},${I}] to ${O}`,
  kernel: 'Linear',
  build: () => {
    const weight = input<tf.Rank.R2>('weight', [O, I]);
    return {
      inputs: [constant('x', [N, I])],
      weights: [weight as tf.Variable],
      output: (x) => linear(x as tf.Tensor2D, weight as tf.Tensor2D),
    };
  },
});

const crossEntropyCase = (N: number, D: number, V: number): Case => ({
  title: `linear cross-entropy of [${N},${D}] over ${V} tokens`,
  kernel: 'LinearCrossEntropy',
  build: () => {
    const weight = input<tf.Rank.R2>('weight', [V, D]);
    const labels = tf.tensor1d(Int32Array.from({ length: N }, (_, n) => (n * 7919) % V));
    return {
      inputs: [constant('hidden', [N, D])],
      weights: [weight as tf.Variable],
      output: (hidden) => linearCrossEntropy(hidden as tf.Tensor2D, weight as tf.Tensor2D, tf.cast(labels, 'int32')),
    };
  },
});

const expertsCase = (N: number, K: number, E: number, D: number, F: number): Case => ({
  title: `${K} of ${E} experts for ${N} tokens, width ${D} and ${F}`,
  kernel: 'RoutedExperts',
  build: () => {
    const [gateUp, down] = [input<tf.Rank.R3>('gateUp', [E, 2 * F, D], 0.3), input<tf.Rank.R3>('down', [E, D, F], 0.3)];
    const chosen = Array.from({ length: N * K }, (_, i) => (Math.floor(i / K) ** 2 + (i % K) * 3) % E);
    const topkIndices = tf.tensor2d(chosen, [N, K], 'int32');
    return {
      inputs: [constant('x', [N, D]), constant('gates', [N, K])],
      weights: [gateUp, down] as tf.Variable[],
      output: (x, gates) =>
        routedExperts(x as tf.Tensor2D, { topkIndices, topkWeights: gates as tf.Tensor2D }, gateUp, down),
    };
  },
});

/** The kernels with a name of the op that `body` runs. */
function kernelsOf(op: string, body: () => void): string[] {
  const runKernel = vi.spyOn(tf.engine(), 'runKernel');
  body();
  const names = runKernel.mock.calls.map(([name]) => name).filter((name) => name.startsWith(op));
  runKernel.mockRestore();
  return names;
}

const bits = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tensor.dataSync<'float32'>());

describe('halves of a gradient on the engine', () => {
  it.each<Case>([
    linearCase(1, 1, 1),
    linearCase(1021, 67, 131), // transposed products that are packed, and several blocks of rows
    crossEntropyCase(3, 5, 7),
    crossEntropyCase(1031, 19, 257),
    crossEntropyCase(1031, 3, 2053), // two tiles, which neither half keeps
    expertsCase(1, 1, 1, 3, 5),
    expertsCase(257, 3, 7, 29, 13),
    expertsCase(61, 2, 128, 16, 8), // most experts without a token
  ])('property: $title: the bits of both at once, without the kernel for both', ({ kernel, build }) => {
    tf.tidy(() => {
      const { inputs, weights, output } = build();
      const dy = constant('dy', output(...inputs).shape);
      const { used } = tf.memory() as unknown as { used: number };
      tf.tidy(() => {
        const together = pullback(output, inputs, weights).backward(dy);
        const apart = pullback(output, inputs, weights);
        const found: tf.Tensor[] = [];
        const first = kernelsOf(kernel, () => void found.push(...apart.backwardInputs(dy)));
        const second = kernelsOf(kernel, () => void found.push(...apart.backwardWeights()));
        expect([first, second]).toEqual([[`${kernel}GradInputs`], [`${kernel}GradWeights`]]);
        expect(bits(found)).toEqual(bits([...together.inputs, ...together.weights]));
        const frozen = pullback(output, inputs);
        expect(kernelsOf(kernel, () => void found.push(...frozen.backwardInputs(dy)))).toEqual([`${kernel}GradInputs`]);
        expect(bits(found).slice(-inputs.length)).toEqual(bits(together.inputs));
      });
      expect((tf.memory() as unknown as { used: number }).used).toBe(used);
      tf.dispose(weights);
    });
  });
});
