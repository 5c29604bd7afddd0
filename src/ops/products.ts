// The products of linear layers and of experts, which training in 8 bits replaces.

import { type Fp8Recipe, fp8Recipe, isTiled } from '../precision/recipe.ts';
import { tf } from '../tensor/tf.ts';
import { expertsByRows } from './experts-by-rows.ts';
import { fp8Experts } from './fp8-experts.ts';
import { fp8Linear } from './fp8-linear.ts';
import { linear } from './linear.ts';
import { quantizedMatMul } from './quantized-matmul.ts';
import { routedExperts } from './routed-experts.ts';
import type { Routing } from './router.ts';

export interface Products {
  /** As `linear`. */
  readonly linear: typeof linear;
  /** As `routedExperts`. */
  readonly experts: (x: tf.Tensor2D, routing: Routing, gateUpProj: tf.Tensor3D, downProj: tf.Tensor3D) => tf.Tensor2D;
  /** How they round their operands, for who multiplies in another order; absent where they do not. */
  readonly recipe?: Fp8Recipe;
}

export const float32Products: Products = { linear, experts: routedExperts };

/** The same, with the output of SwiGLU in the routed experts computed again in the backward pass. */
export const recomputingProducts: Products = {
  linear,
  experts: (x, routing, gateUpProj, downProj) => routedExperts(x, routing, gateUpProj, downProj, true),
};

/**
 * Products whose operands are rounded, forward and backward. What lies between the two products of an expert,
 * activation and gates, stays float32.
 *
 * A recipe whose tiles lie within a row has kernels of its own, of the same bits. Any other needs a backend that allows
 * reading without waiting: the rows of an expert share scales.
 */
export function quantizedProducts(recipe: Fp8Recipe): Products {
  if (isTiled(recipe)) {
    return {
      recipe,
      linear: (x, weight) => fp8Linear(x, weight, recipe),
      experts: (x, routing, gateUpProj, downProj) => fp8Experts(x, routing, gateUpProj, downProj, recipe),
    };
  }
  return {
    recipe,
    linear: (x, weight) => {
      const matrices = tf.reshape<tf.Rank.R3>(weight, [1, ...weight.shape]);
      return quantizedMatMul(x, matrices, Int32Array.of(x.shape[0]), recipe);
    },
    experts: (x, routing, gateUpProj, downProj) =>
      expertsByRows(x, routing, gateUpProj, downProj, (rows, weight, counts) =>
        quantizedMatMul(rows, weight, counts, recipe),
      ),
  };
}

/** Products of float32 numbers, or of 8-bit ones by the recipe of training. */
export function productsIn(precision: 'float32' | 'fp8'): Products {
  return precision === 'fp8' ? quantizedProducts(fp8Recipe) : float32Products;
}
