// The gradients of a loss, at once: what a training step needs.

import { pullback } from './pullback.ts';
import { tf } from './tf.ts';

/** A loss and its gradient with respect to each variable; all of them belong to the caller. */
export interface ValueAndGrads {
  readonly value: tf.Scalar;
  readonly grads: readonly tf.Tensor[];
}

/**
 * Differentiates `loss` with respect to `variables`, in their order; a variable the loss does not depend on gets zeros.
 *
 * Unlike `tf.variableGrads` this asks for no global variable names. Tensors that `loss` makes are disposed, also when
 * it throws, except those it passes to `tf.keep`. Not to be called inside itself or `tf.grad`.
 */
export function valueAndGrads(loss: () => tf.Scalar, variables: readonly tf.Variable[]): ValueAndGrads {
  const pass = pullback(loss, [], variables);
  const one = tf.onesLike(pass.value);
  try {
    return { value: pass.value, grads: pass.backward(one).weights };
  } catch (error) {
    pass.value.dispose();
    throw error;
  } finally {
    one.dispose();
  }
}
