// Outliers in the activations of a model that has none: what a small model can show of large ones.

import { type Products, productsOf } from '../../ops/products.ts';
import { tileSize } from '../../precision/recipe.ts';
import { tf } from '../../tensor/tf.ts';

/** How much larger one channel is; a power of two, so that float32 products and their gradients keep their bits. */
export const outlierFactor = 2 ** 17;

/**
 * Channels from which on an input gets an outlier: eight tiles, so that seven of them have none. In the narrower latents
 * and experts one or two tiles would be all there is, and a tile could save nothing.
 */
const leastChannels = 8 * tileSize;

/**
 * The products, with the first channel of what wide linear layers and experts read multiplied by `outlierFactor`, and
 * the column of the weight that it meets divided by it. Nothing changes but the range of the operands (F 4.7: one
 * channel that is 1e5 times the others).
 */
export function plantOutliers({ linear, experts, ...rest }: Products): Products {
  return productsOf({
    ...rest,
    linear: (x, weight) => {
      if (x.shape[1] < leastChannels) return linear(x, weight);
      const factors = factorsOf(x.shape[1]);
      return linear(tf.mul(x, factors), tf.div(weight, factors));
    },
    experts: (x, routing, gateUpProj, downProj) => {
      if (x.shape[1] < leastChannels) return experts(x, routing, gateUpProj, downProj);
      const factors = factorsOf(x.shape[1]);
      return experts(tf.mul(x, factors), routing, tf.div(gateUpProj, factors), downProj);
    },
  });
}

/** Shape: [channels]. */
const factorsOf = (channels: number): tf.Tensor1D =>
  tf.tensor1d(Float32Array.from({ length: channels }, (_, channel) => (channel === 0 ? outlierFactor : 1)));
