// Outliers in the activations of a model that has none: what a small model can show of large ones.

import type { Products } from '../../ops/products.ts';
import { tf } from '../../tensor/tf.ts';

/** How much larger one channel is; a power of two, so that float32 products and their gradients keep their bits. */
export const outlierFactor = 2 ** 17;

/**
 * The products, with the first channel of what linear layers and experts read multiplied by `outlierFactor`, and the
 * column of the weight that it meets divided by it. Nothing changes but the range of the operands (F 4.7: one channel
 * that is 1e5 times the others).
 */
export function plantOutliers({ linear, experts, ...rest }: Products): Products {
  return {
    ...rest,
    linear: (x, weight) => {
      const factors = factorsOf(x.shape[1]);
      return linear(tf.mul(x, factors), tf.div(weight, factors));
    },
    experts: (x, routing, gateUpProj, downProj) => {
      const factors = factorsOf(x.shape[1]);
      return experts(tf.mul(x, factors), routing, tf.div(gateUpProj, factors), downProj);
    },
  };
}

/** Shape: [channels]. */
const factorsOf = (channels: number): tf.Tensor1D =>
  tf.tensor1d(Float32Array.from({ length: channels }, (_, channel) => (channel === 0 ? outlierFactor : 1)));
