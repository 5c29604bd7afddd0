// Optimizer and average state between TF.js variables and the named tensors that checkpoints are made of.

import { UserError } from '../errors.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';

/** The value of a variable outside TF.js. */
export async function exportVariable(name: string, variable: tf.Variable): Promise<NamedTensor> {
  return { name, shape: variable.shape, data: Float32Array.from(await variable.data()) };
}

/** The tensor called `name`; a missing one or another shape is a damaged checkpoint. */
export function namedTensor(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, NamedTensor>,
): NamedTensor {
  const tensor = tensors.get(name);
  const expected = shape.join(' x ');
  if (tensor?.shape.join(' x ') === expected) return tensor;
  const found = tensor ? `shape ${tensor.shape.join(' x ')}` : 'nothing';
  throw new UserError(
    `trainer state: expected tensor ${name} of shape ${expected}, found ${found}; resume from another checkpoint of this run`,
  );
}

/** Puts the tensor called `name` into a variable. */
export function importVariable(name: string, variable: tf.Variable, tensors: ReadonlyMap<string, NamedTensor>): void {
  const { data } = namedTensor(name, variable.shape, tensors);
  tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
}
