// Gradients against central finite differences, a second opinion next to the goldens from PyTorch.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { type BuiltCase, type OpCase, probeFor } from './op-case.ts';
import { opCases } from './op-cases.ts';

/**
 * Half the distance of the two evaluations. The truncation error is about step^2 / 6 times the third derivative, the
 * rounding of float32 outputs about 6e-8 / step times their size: 1e-5 to 1e-4 of the gradient for both.
 */
const step = 4e-3;

await activateBackend('cpu');

/** The larger sizes repeat what these show. */
const small = opCases.filter((opCase) => opCase.isStep !== true && elements(opCase) <= 1000);

function elements({ build }: OpCase): number {
  return tf.tidy(() => {
    const { inputs } = build();
    tf.dispose([...inputs]);
    return inputs.reduce((sum, { size }) => sum + size, 0);
  });
}

/** `sum(output * probe)`, in float64 from the output on. */
function objective(output: () => tf.Tensor): number {
  return tf.tidy(() => {
    const y = output();
    const probe = probeFor(y.shape);
    return y.dataSync<'float32'>().reduce((sum, value, i) => sum + value * probe[i]!, 0);
  });
}

/** The selection of a routing case, to see that a step does not cross into another one. */
function selection({ exact }: BuiltCase): string {
  return tf.tidy(() => exact?.().dataSync().join() ?? '');
}

/** About a hundred elements of a tensor, all of a small one. */
function sampled(length: number): number[] {
  const stride = Math.ceil(length / 97);
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => i * stride);
}

/** Derivative of the objective with respect to the sampled elements of a variable. */
function differences(built: BuiltCase, variable: tf.Variable): number[] {
  const values = Float32Array.from(variable.dataSync());
  const output = built.outputOfInputs?.() ?? built.output;
  expect(objective(output)).toBe(objective(built.output));
  const at = (i: number, value: number) => {
    const moved = values.slice();
    moved[i] = value;
    tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
    return [objective(output), moved[i]!] as const;
  };
  const chosen = selection(built);
  const slopes = sampled(values.length).map((i) => {
    const [above, high] = at(i, values[i]! + step);
    expect(selection(built)).toBe(chosen);
    const [below, low] = at(i, values[i]! - step);
    expect(selection(built)).toBe(chosen);
    return (above - below) / (high - low);
  });
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  return slopes;
}

describe('gradients on cpu', () => {
  it.each(small.map((opCase) => [opCase.title, opCase] as const))('gradient: %s', (_, { build }) => {
    tf.tidy(() => {
      const built = build();
      const shape = tf.tidy(() => built.output().shape);
      const probe = tf.tensor(probeFor(shape), shape);
      const { grads } = valueAndGrads(() => tf.sum(tf.mul(built.output(), probe)).asScalar(), built.inputs);
      for (const [i, variable] of built.inputs.entries()) {
        const expected = differences(built, variable);
        const all = grads[i]!.dataSync<'float32'>();
        const actual = sampled(all.length).map((at) => all[at]!);
        const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        // Ten times the error that the step leaves, of the largest element; 1e-4 where all are near zero.
        expectAllClose(actual, expected, { rtol: 0, atol: 1e-3 * largest + 1e-4 }, `input ${i}`);
      }
      tf.dispose([...built.inputs]);
    });
  });
});
