// Shape legend: N positions, D channels, V vocabulary.

import { tf } from '../tensor/tf.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const linearCrossEntropyOp = defineOp({
  name: 'LinearCrossEntropy',
  inputs: { hidden: 'N D', weight: 'V D', labels: 'int32 N' },
  outputs: { losses: 'N' },
  /**
   * The largest logit of each row, and the sum of exp(logit - largest) over the row. A backend that has had all logits
   * in memory at once also saves these exponentials, with the sum subtracted from that of the label.
   */
  saved: { maxima: 'N', sums: 'N', 'residuals?': 'N V' },
  weights: ['weight'],
  kept: { hidden: 'N D', sums: 'N', residuals: 'N V', dy: 'N' },
});

/**
 * Negative log-likelihood of each label under `softmax(hidden * weight^T)`, in nats.
 *
 * Shapes: hidden [N, D], weight [V, D], labels [N] int32 -> [N].
 * Gradient: to hidden and weight. A backend may compute it in pieces, without all N x V logits at once.
 */
export function linearCrossEntropy(hidden: tf.Tensor2D, weight: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return fusedOp(linearCrossEntropyOp, { hidden, weight, labels }, {}, ({ hidden, weight, labels }) => ({
    losses: crossEntropy(tf.matMul(hidden, weight, false, true), labels),
  })).losses;
}

/**
 * Negative log-likelihood of each label; its gradient is `softmax - oneHot`, made in one pass instead of TF.js's chain
 * through logarithm and sum.
 *
 * Shapes: logits [N, V], labels [N] int32 -> [N].
 */
function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const V = logits.shape[1];
  const op = tf.customGrad((...args) => {
    // The last argument is the saver; the types of customGrad do not say so.
    const [x, save] = args as unknown as [tf.Tensor2D, (tensors: tf.Tensor[]) => void];
    const oneHot = (ids: tf.Tensor) => tf.oneHot(ids, V, 1, 0, 'float32');
    const p = tf.softmax(x);
    save([p, labels]);
    // The largest probability is exp(0) / sum, and at least 1 / V: no logarithm of an underflow.
    const logSumExp = tf.sub(tf.max(x, -1), tf.log(tf.max(p, -1)));
    const value = tf.sub(logSumExp, tf.sum(tf.mul(x, oneHot(labels)), -1));
    const gradFunc = (dy: tf.Tensor, [p, labels]: tf.Tensor[]) =>
      tf.mul(tf.sub(p!, oneHot(labels!)), tf.expandDims(dy, -1));
    return { value, gradFunc };
  });
  return op(logits) as tf.Tensor1D;
}
