// Optimizer and average state between TF.js variables and the named tensors that checkpoints are made of.

import { UserError } from '../errors.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';

/** The value of a variable outside TF.js. */
export async function exportVariable(name: string, variable: tf.Variable): Promise<NamedTensor> {
  return { name, shape: variable.shape, data: Float32Array.from(await variable.data()) };
}

/** Puts the tensor called `name` into a variable; a missing one or another shape is a damaged checkpoint. */
export function importVariable(name: string, variable: tf.Variable, tensors: ReadonlyMap<string, NamedTensor>): void {
  const tensor = tensors.get(name);
  const expected = variable.shape.join(' x ');
  if (!tensor || tensor.shape.join(' x ') !== expected) {
    const found = tensor ? `shape ${tensor.shape.join(' x ')}` : 'nothing';
    throw new UserError(
      `trainer state: expected tensor ${name} of shape ${expected}, found ${found}; resume from another checkpoint of this run`,
    );
  }
  tf.tidy(() => variable.assign(tf.tensor(tensor.data, variable.shape)));
}
