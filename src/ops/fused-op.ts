// The seam between the model and fast kernels: an op runs as a kernel where the active backend has one, and as its
// reference, made of plain TF.js ops, everywhere else. The reference is what every kernel is compared with.

import { type Again, customOp, type SplitGradient } from '../tensor/custom-op.ts';
import { noGrad } from '../tensor/no-grad.ts';
import { tf } from '../tensor/tf.ts';
import type { AttributesOf, Op, OpSpec, Tensors } from './define-op.ts';
import {
  byName,
  gradientName,
  hasHalves,
  hasKernel,
  inputHalfName,
  measured,
  runKernel,
  type TensorList,
  weightHalfName,
  withGradient,
} from './kernels.ts';

/** Tensors by name; those that an op may lack are absent. */
export type AnyTensors = Readonly<Record<string, tf.Tensor | undefined>>;
type Reference = (inputs: AnyTensors) => AnyTensors;

/** For outputs, how each is computed from what is kept: inputs and other outputs, by name. */
export type ComputedAgain = Readonly<Record<string, (kept: AnyTensors) => tf.Tensor>>;

/**
 * Runs an op. Gradients flow to its float32 inputs, except constants. An op without such inputs is off the tape.
 *
 * `reference` computes the same from the inputs alone, gradients included. `again`: the outputs that can be computed
 * again, where that is not all of them by the same kernel; see `recomputed`.
 *
 * @throws Error where the shapes of the inputs, or what the reference makes, are not those of the op.
 */
export function fusedOp<S extends OpSpec>(
  op: Op<S>,
  inputs: Tensors<S['inputs']>,
  attrs: AttributesOf<S>,
  reference: (inputs: Tensors<S['inputs']>) => Tensors<S['outputs']>,
  again?: ComputedAgain,
): Tensors<S['outputs']> {
  return runOp(op, inputs as AnyTensors, attrs, reference as unknown as Reference, again) as Tensors<S['outputs']>;
}

function runOp(op: Op, inputs: AnyTensors, attrs: object, reference: Reference, again?: ComputedAgain): AnyTensors {
  const run = hasKernel(op) ? () => runKernels(op, inputs, attrs, again) : () => runReference(op, inputs, reference);
  return op.gradients.names.length === 0 ? noGrad(run) : run();
}

function runReference(op: Op, inputs: AnyTensors, reference: Reference): AnyTensors {
  const sizes = measured(op, inputs);
  return tf.tidy(() => {
    const outputs = reference(inputs);
    op.outputs.measure(outputs, sizes);
    return outputs as Record<string, tf.Tensor>;
  });
}

/** A kernel and its gradient kernels, which are one op to TF.js. */
function runKernels(op: Op, inputs: AnyTensors, attrs: object, again?: ComputedAgain): AnyTensors {
  const { outputs, gradients, savedAt, unread } = op;
  if (gradients.names.length === 0) return byName(outputs.names, runKernel(op.name, inputs, attrs));
  const given = op.inputs.names.filter((name) => inputs[name] !== undefined && isKept(op, name));
  const wanted = withGradient(gradients, inputs);
  const tensorsOf = (names: readonly string[]) => names.map((name) => inputs[name]!);
  const gradientInputs = (dys: readonly tf.Tensor[], saved: readonly tf.Tensor[]) => {
    const read = byName(given, saved);
    const standing = (name: string) => (unread[name] === undefined ? read[name] : dys[unread[name]]);
    return [...op.inputs.names.map(standing), ...dys, ...saved.slice(given.length)];
  };
  const results = customOp({
    inputs: byName(wanted, tensorsOf(wanted)),
    forward: (save) => {
      const made = runKernel(op.name, inputs, attrs);
      const saved = tensorsOf(given);
      for (const at of savedAt) if (at < made.length) saved.push(made[at]!); // only the last may be absent
      save(saved);
      return made.slice(0, outputs.names.length);
    },
    backward: (dys, saved) => byName(wanted, runKernel(gradientName(op), gradientInputs(dys, saved), attrs)),
    split: () => (hasHalves(op) ? inHalves(op, withGradient(op.others, inputs), attrs, gradientInputs) : null),
    again: again === undefined ? wholeAgain(op, inputs, attrs) : partsAgain(op, inputs, again),
  });
  return byName(outputs.names, results);
}

/** Whether the gradient reads the elements of an input. */
function isKept({ spec: { unsaved = [] }, unread }: Op, name: string): boolean {
  return !unsaved.includes(name) && unread[name] === undefined;
}

/** All outputs, by the kernel that made them. */
function wholeAgain(op: Op, inputs: AnyTensors, attrs: object): Again {
  const names = op.inputs.names.filter((name) => inputs[name] !== undefined);
  return {
    outputs: op.outputs.names.map((_, i) => i),
    needs: names.map((name) => inputs[name]!),
    run: (found) => {
      const made = runKernel(op.name, byName(names, found), attrs);
      tf.dispose(made.slice(op.outputs.names.length));
      return made.slice(0, op.outputs.names.length);
    },
  };
}

/** Some outputs, in ways of their own. The other outputs and the inputs that the gradient reads are kept. */
function partsAgain(op: Op, inputs: AnyTensors, again: ComputedAgain): Again {
  const names = Object.keys(again);
  const kept = op.inputs.names.filter((name) => inputs[name] !== undefined && isKept(op, name));
  return {
    outputs: names.map((name) => op.outputs.names.indexOf(name)),
    needs: [],
    run: (_, saved) => {
      const known = byName([...kept, ...op.savedNames], saved);
      return names.map((name) => again[name]!(known));
    },
  };
}

/**
 * The gradient in two halves: the kernels for `others` and for the weights. `inputsOf` makes the inputs of the first.
 */
function inHalves(
  op: Op,
  others: readonly string[],
  attrs: object,
  inputsOf: (dys: readonly tf.Tensor[], saved: readonly tf.Tensor[]) => TensorList,
): SplitGradient {
  const weights = op.weights.names;
  return {
    weights,
    backwardInputs: (dys, saved) => {
      const made = runKernel(inputHalfName(op), inputsOf(dys, saved), attrs);
      return { gradients: byName(others, made), kept: made.slice(others.length) };
    },
    backwardWeights: (kept) => byName(weights, runKernel(weightHalfName(op), kept, attrs)),
  };
}
