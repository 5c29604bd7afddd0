// The seam between the model and fast kernels. An op is a reference made of plain TF.js ops, which runs everywhere and is
// what every kernel is compared with, and a name under which a backend may register kernels:
//
//   NAME      inputs                          -> [...outputs, ...saved]
//   NAMEGrad  inputs, dy0.., saved0..         -> one gradient for each input that is no constant, in their order
//
// `saved` is whatever the gradient wants to have again; a kernel without any returns its outputs only.

import { customOp } from '../tensor/custom-op.ts';
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
): Output {
  return fusedOps(name, inputs, attrs, 1, (all) => [reference(all)], constants)[0] as Output;
}

/**
 * Runs the kernel `name` where the active backend has one, otherwise the reference.
 *
 * Gradients of a kernel go to its float32 inputs, except those named in `constants`, such as tables; integer inputs are
 * always constants.
 */
export function fusedOps<Inputs extends Tensors>(
  name: string,
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  outputs: number,
  reference: (inputs: Inputs) => tf.Tensor[],
  constants: readonly (keyof Inputs)[] = [],
): tf.Tensor[] {
  if (!hasKernel(name)) return tf.tidy(() => reference(inputs));
  const names = Object.keys(inputs);
  const differentiable = names.filter((key) => inputs[key]!.dtype === 'float32' && !constants.includes(key));
  return customOp({
    inputs: Object.fromEntries(differentiable.map((key) => [key, inputs[key]!])),
    forward: (save) => {
      const all = runKernel(name, inputs, attrs);
      save([...Object.values(inputs), ...all.slice(outputs)]);
      return all.slice(0, outputs);
    },
    backward: (dys, saved) => {
      const again: Tensors = {};
      for (const [i, key] of names.entries()) again[key] = saved[i]!;
      for (const [i, dy] of dys.entries()) again[`dy${i}`] = dy;
      for (const [i, tensor] of saved.slice(names.length).entries()) again[`saved${i}`] = tensor;
      const grads = runKernel(`${name}Grad`, again, attrs);
      return Object.fromEntries(differentiable.map((key, i) => [key, grads[i]!]));
    },
  });
}

function runKernel(name: string, inputs: Tensors, attrs: tf.NamedAttrMap): tf.Tensor[] {
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attrs);
  return Array.isArray(result) ? result : [result];
}
