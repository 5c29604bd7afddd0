import { tf } from '../tensor/tf.ts';

/**
 * Runs the kernel `name` where the active backend has one, otherwise the reference made of plain TF.js ops.
 *
 * A kernel takes the same inputs and attributes, and comes with a gradient of its own (`tf.registerGradient`). The
 * reference runs everywhere and is what every kernel is compared with.
 */
export function fusedOp<Inputs extends Record<string, tf.Tensor>, Output extends tf.Tensor>(
  name: string,
  inputs: Inputs,
  attrs: tf.NamedAttrMap,
  reference: (inputs: Inputs) => Output,
): Output {
  if (tf.getKernel(name, tf.getBackend()) === undefined) return tf.tidy(() => reference(inputs));
  return tf.engine().runKernel(name, inputs, attrs) as Output;
}
