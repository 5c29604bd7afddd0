// Ops of TF.js whose gradients read nothing but sizes. Those of TF.js keep their inputs all the same, as long as the
// backward pass may still come.

import { customOp } from './custom-op.ts';
import { tf } from './tf.ts';

/** The same numbers under another shape. */
export function reshape<R extends tf.Rank>(x: tf.Tensor, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  const before = x.shape;
  const [reshaped] = customOp({
    inputs: { x },
    forward: () => [tf.reshape(x, shape)],
    backward: ([dy]) => ({ x: tf.reshape(dy!, before) }),
  });
  return reshaped as tf.Tensor<R>;
}

/** The sum of two tensors of one shape. */
export function add<T extends tf.Tensor>(a: T, b: T): T {
  const [sum] = customOp({
    inputs: { a, b },
    forward: () => [tf.add(a, b)],
    backward: ([dy]) => ({ a: dy!, b: dy! }),
  });
  return sum as T;
}

/** Two tensors side by side along their last axis. Shapes: [..., I] and [..., J] -> [..., I+J]. */
export function concatChannels<T extends tf.Tensor>(a: T, b: T): T {
  const axis = a.rank - 1;
  const widths = [a.shape[axis]!, b.shape[axis]!];
  const [joined] = customOp({
    inputs: { a, b },
    forward: () => [tf.concat([a, b], axis)],
    backward: ([dy]) => {
      const [da, db] = tf.split(dy!, widths, axis);
      return { a: da!, b: db! };
    },
    again: { outputs: [0], needs: [a, b], run: (found) => [tf.concat(found, axis)] },
  });
  return joined as T;
}
