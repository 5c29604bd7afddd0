import { tf } from '../tensor/tf.ts';

/** Runs a kernel whose inputs are a list, as TF.js's own Concat and AddN are; its types know maps only. */
export function runListKernel(name: string, inputs: readonly tf.Tensor[], attrs: tf.NamedAttrMap = {}): tf.Tensor[] {
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs as unknown as tf.NamedTensorMap, attrs);
  return Array.isArray(result) ? result : [result];
}
