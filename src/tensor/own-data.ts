import { tf } from './tf.ts';

/**
 * Makes sure that nothing but `variable` uses its data, so that a kernel may write there.
 *
 * Clones share their data, and a variable shares the data of the tensor that it was assigned. These tensors keep the
 * current values, and the variable gets a copy.
 */
export function ownData(variable: tf.Variable): void {
  const backend = tf.engine().state.tensorInfo.get(variable.dataId)!.backend;
  if (backend.refCount(variable.dataId) > 1)
    tf.tidy(() => variable.assign(tf.mul(variable, tf.scalar(1, variable.dtype as 'float32' | 'int32'))));
}
