import { tf } from './tf.ts';

/** A loss and its gradient with respect to each variable; all of them belong to the caller. */
export interface ValueAndGrads {
  readonly value: tf.Scalar;
  readonly grads: readonly tf.Tensor[];
}

/** What a loss that threw has saved for its gradient: TF.js frees it only at the end of a gradient. */
function discardTape(): void {
  const { state } = tf.engine();
  if (state.gradientDepth > 0) return;
  for (const { saved } of state.activeTape ?? []) tf.dispose(saved ?? []);
  state.activeTape = [];
}

/**
 * Differentiates `loss` with respect to `variables`, in their order; a variable the loss does not depend on gets zeros.
 *
 * Unlike `tf.variableGrads` this asks for no global variable names. Tensors that `loss` makes are disposed, also when it
 * throws, except those it passes to `tf.keep`.
 */
export function valueAndGrads(loss: () => tf.Scalar, variables: readonly tf.Variable[]): ValueAndGrads {
  try {
    const { value, grads } = tf.engine().gradients(loss, [...variables], undefined, true);
    return {
      value,
      // TF.js types the result as complete, but leaves holes for variables that are not on the path to the loss.
      grads: variables.map((variable, i) => grads[i] ?? tf.zerosLike(variable)),
    };
  } catch (error) {
    discardTape();
    throw error;
  }
}
