// How an op is tried: inputs from a seed, the op, and its values and gradients as plain numbers.

import type { Op } from '../../src/ops/define-op.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';

/** An op on particular inputs. Tensors it makes belong to whoever called `build`, best inside a `tf.tidy`. */
export interface BuiltCase {
  /** What gradients are wanted for. */
  readonly inputs: readonly tf.Variable[];
  readonly output: () => tf.Tensor;
  /** Makes what does not depend on the inputs, and returns the output with it: for those who change only the inputs. */
  readonly outputOfInputs?: () => () => tf.Tensor;
  /** Another way to the same output, for the reference backend. */
  readonly reference?: () => tf.Tensor;
  /** An integer result that has to be the same everywhere. */
  readonly exact?: () => tf.Tensor;
}

export interface OpCase {
  readonly title: string;
  /** The ops that it is there for; absent where that is TF.js's own, or no part of the suite. */
  readonly ops?: readonly Op[];
  /** It rounds: a finite difference says nothing about its gradient. */
  readonly isStep?: boolean;
  readonly build: () => BuiltCase;
}

/** Everything a case gives, away from any backend. */
export interface CaseNumbers {
  readonly output: Float32Array;
  readonly exact: Int32Array;
  readonly grads: readonly Float32Array[];
}

/**
 * What was drawn already, by what decides it: a case is built many times, and drawing costs more than computing with
 * it.
 */
const drawn = new Map<string, Float32Array>();

/** Normal numbers, the same for the same name; an array of the caller's own. */
function normalNumbers(name: string, shape: readonly number[], std: number): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const key = `${name} ${size} ${std}`;
  const numbers = drawn.get(key) ?? normalArray(size, std, deriveSeed(name));
  drawn.set(key, numbers);
  return numbers.slice();
}

/** Normal numbers, the same on every backend; the name decides which. */
export function constant<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R], std = 1): tf.Tensor<R> {
  return tf.tensor<R>(normalNumbers(name, shape, std), shape);
}

/** The same as a variable; `runCase` disposes those it finds among the inputs. */
export function input<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R], std = 1): tf.Variable<R> {
  return tf.variable(constant<R>(name, shape, std));
}

/** A fixed tensor of normal numbers; `sum(output * probe)` is the scalar whose gradients are compared. */
export function probeFor(shape: readonly number[]): Float32Array {
  return normalNumbers('probe', shape, 1);
}

/** Runs a case on the current backend; leaves no tensor behind. */
export async function runCase({ build }: OpCase, as: 'output' | 'reference' = 'output'): Promise<CaseNumbers> {
  const { output, exact, grads, inputs } = tf.tidy(() => {
    const built = build();
    const run = (as === 'reference' ? built.reference : undefined) ?? built.output;
    const output = run();
    const loss = () => tf.sum(tf.mul(run(), tf.tensor(probeFor(output.shape), output.shape))).asScalar();
    const { grads } = valueAndGrads(loss, built.inputs);
    return { output, exact: built.exact?.() ?? tf.tensor1d([], 'int32'), grads: [...grads], inputs: [...built.inputs] };
  });
  const numbers = {
    output: await output.data<'float32'>(),
    exact: await exact.data<'int32'>(),
    grads: await Promise.all(grads.map((grad) => grad.data<'float32'>())),
  };
  tf.dispose([output, exact, ...grads, ...inputs]);
  return numbers;
}
