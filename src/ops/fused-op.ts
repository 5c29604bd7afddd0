// The seam between the model and fast kernels. An op is a reference made of plain TF.js ops, which runs everywhere and is
// what every kernel is compared with, and a name under which a backend may register kernels:
//
//   NAME      inputs                          -> [...outputs, ...saved]
//   NAMEGrad  inputs, dy0.., saved0..         -> one gradient for each input that is no constant, in their order
//
// `saved` is whatever the gradient wants to have again; a kernel without any returns its outputs only.
//
// Where the gradients of weights are large products of their own, two more kernels let a backward pass leave them for later.
// Together they give the bits of NAMEGrad and compute nothing twice; `kept` is all that the second needs:
//
//   NAMEGradInputs   inputs, dy0.., saved0..  -> [...gradients of the other inputs, ...kept]
//   NAMEGradWeights  kept0..                  -> one gradient for each weight, in their order

import { customOp, type SplitGradient } from '../tensor/custom-op.ts';
import { tf } from '../tensor/tf.ts';

type Tensors = Record<string, tf.Tensor>;

/** Whether the active backend has a kernel of that name. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** An op with one output; see `fusedOps`. */
export function fusedOp<Inputs extends Tensors, Output extends tf.Tensor>(
  name: string,
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  reference: (inputs: Inputs) => Output,
  constants: readonly (keyof Inputs)[] = [],
  weights: readonly (keyof Inputs & string)[] = [],
): Output {
  return fusedOps(name, inputs, attrs, 1, (all) => [reference(all)], constants, weights)[0] as Output;
}

/**
 * Runs the kernel `name` where the active backend has one, otherwise the reference.
 *
 * Gradients of a kernel go to its float32 inputs, except those named in `constants`, such as tables; integer inputs are
 * always constants. `weights` are those that the two halves of a gradient tell apart.
 */
export function fusedOps<Inputs extends Tensors>(
  name: string,
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  outputs: number,
  reference: (inputs: Inputs) => tf.Tensor[],
  constants: readonly (keyof Inputs)[] = [],
  weights: readonly (keyof Inputs & string)[] = [],
): tf.Tensor[] {
  if (!hasKernel(name)) return tf.tidy(() => reference(inputs));
  const names = Object.keys(inputs);
  const differentiable = names.filter((key) => inputs[key]!.dtype === 'float32' && !constants.includes(key));
  const again = (dys: readonly tf.Tensor[], saved: readonly tf.Tensor[]): Tensors => {
    const all: Tensors = {};
    for (const [i, key] of names.entries()) all[key] = saved[i]!;
    for (const [i, dy] of dys.entries()) all[`dy${i}`] = dy;
    for (const [i, tensor] of saved.slice(names.length).entries()) all[`saved${i}`] = tensor;
    return all;
  };
  return customOp({
    inputs: Object.fromEntries(differentiable.map((key) => [key, inputs[key]!])),
    forward: (save) => {
      const all = runKernel(name, inputs, attrs);
      save([...Object.values(inputs), ...all.slice(outputs)]);
      return all.slice(0, outputs);
    },
    backward: (dys, saved) => named(differentiable, runKernel(`${name}Grad`, again(dys, saved), attrs)),
    split: () => (hasKernel(`${name}GradInputs`) ? splitGradient(name, differentiable, weights, again, attrs) : null),
  });
}

function splitGradient(
  name: string,
  differentiable: readonly string[],
  weights: readonly string[],
  again: (dys: readonly tf.Tensor[], saved: readonly tf.Tensor[]) => Tensors,
  attrs: tf.NamedAttrMap,
): SplitGradient {
  const others = differentiable.filter((key) => !weights.includes(key));
  return {
    weights,
    backwardInputs: (dys, saved) => {
      const all = runKernel(`${name}GradInputs`, again(dys, saved), attrs);
      return { gradients: named(others, all), kept: all.slice(others.length) };
    },
    backwardWeights: (kept) => {
      const all = Object.fromEntries(kept.map((tensor, i) => [`kept${i}`, tensor]));
      return named(weights, runKernel(`${name}GradWeights`, all, attrs));
    },
  };
}

/** The first tensors of a list, by these names. */
const named = (names: readonly string[], tensors: readonly tf.Tensor[]): Tensors =>
  Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));

function runKernel(name: string, inputs: Tensors, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attrs);
  return Array.isArray(result) ? result : [result];
}
