// The products of linear layers and of experts, which training in 8 bits replaces.

import { e5m6Tile, type Fp8Recipe, fp8Recipe, isTiled } from '../precision/recipe.ts';
import { recomputed } from '../tensor/recompute.ts';
import { tf } from '../tensor/tf.ts';
import { cachedMlaAttention } from './cached-mla-attention.ts';
import { expertsByRows } from './experts-by-rows.ts';
import { fp8CachedExperts, fp8CachedExpertsOp } from './fp8-cached-experts.ts';
import { fp8Experts, fp8ExpertsOp } from './fp8-experts.ts';
import { fp8Linear } from './fp8-linear.ts';
import { fp8SwigluLinear } from './fp8-swiglu-linear.ts';
import { hasKernel } from './kernels.ts';
import { linear } from './linear.ts';
import { mlaAttention } from './mla-attention.ts';
import { quantizedMatMul } from './quantized-matmul.ts';
import { routedExperts } from './routed-experts.ts';
import type { Routing } from './router.ts';
import { swiglu } from './swiglu.ts';

export interface Products {
  /** As `linear`. */
  readonly linear: typeof linear;
  /** As `routedExperts`. */
  readonly experts: (x: tf.Tensor2D, routing: Routing, gateUpProj: tf.Tensor3D, downProj: tf.Tensor3D) => tf.Tensor2D;
  /** As `mlaAttention`, and the linear layer that reads its output: the two may keep it together. */
  readonly attention: typeof mlaAttention;
  readonly linearAfterAttention: typeof linear;
  /** A linear layer that reads `swiglu(gate, up)`. Shapes: gate and up [N, in], weight [out, in] -> [N, out]. */
  readonly linearAfterSwiglu: (gate: tf.Tensor2D, up: tf.Tensor2D, weight: tf.Tensor2D) => tf.Tensor2D;
  /** How they round their operands, for who multiplies in another order; absent where they do not. */
  readonly recipe?: Fp8Recipe;
}

/** Products of which every linear layer is the same, wherever its input comes from. */
export function productsOf({ linear, experts, recipe }: Pick<Products, 'linear' | 'experts' | 'recipe'>): Products {
  return {
    linear,
    experts,
    attention: mlaAttention,
    linearAfterAttention: linear,
    linearAfterSwiglu: (gate, up, weight) =>
      linear(
        recomputed(() => swiglu(gate, up)),
        weight,
      ),
    ...(recipe === undefined ? {} : { recipe }),
  };
}

export const float32Products: Products = productsOf({ linear, experts: routedExperts });

/** The same, with the output of SwiGLU in the routed experts computed again in the backward pass. */
export const recomputingProducts: Products = productsOf({
  linear,
  experts: (x, routing, gateUpProj, downProj) => routedExperts(x, routing, gateUpProj, downProj, true),
});

/**
 * Products whose operands are rounded, forward and backward. What lies between the two products of an expert,
 * activation and gates, stays float32.
 *
 * A recipe whose tiles lie within a row has kernels of its own, of the same bits. Any other needs a backend that allows
 * reading without waiting: the rows of an expert share scales.
 */
export function quantizedProducts(recipe: Fp8Recipe): Products {
  if (isTiled(recipe)) {
    return productsOf({
      recipe,
      linear: (x, weight) => fp8Linear(x, weight, recipe),
      experts: (x, routing, gateUpProj, downProj) => fp8Experts(x, routing, gateUpProj, downProj, recipe),
    });
  }
  return productsOf({
    recipe,
    linear: (x, weight) => {
      const matrices = tf.reshape<tf.Rank.R3>(weight, [1, ...weight.shape]);
      return quantizedMatMul(x, matrices, Int32Array.of(x.shape[0]), recipe);
    },
    experts: (x, routing, gateUpProj, downProj) =>
      expertsByRows(x, routing, gateUpProj, downProj, (rows, weight, counts) =>
        quantizedMatMul(rows, weight, counts, recipe),
      ),
  });
}

/**
 * Products by the recipe of training, which keep for the backward pass what the report keeps, in its formats: the output
 * of attention in E5M6, the inputs of SwiGLU in E4M3, and not its output. Forward passes have the bits of
 * `quantizedProducts(fp8Recipe)`.
 *
 * Source: arXiv:2412.19437 section 3.3.3.
 */
const cachingProducts: Products = {
  recipe: fp8Recipe,
  linear: (x, weight) => fp8Linear(x, weight, fp8Recipe),
  experts: (x, routing, gateUpProj, downProj) => fp8CachedExperts(x, routing, gateUpProj, downProj, fp8Recipe),
  attention: cachedMlaAttention,
  linearAfterAttention: (x, weight) => fp8Linear(x, weight, afterAttention),
  linearAfterSwiglu: (gate, up, weight) => fp8SwigluLinear(gate, up, weight, fp8Recipe),
};

const afterAttention: Fp8Recipe = { ...fp8Recipe, cached: e5m6Tile };

/** Not where the active backend has kernels for experts in 8 bits, but none for those that keep activations so. */
const canCache = () => hasKernel(fp8CachedExpertsOp) || !hasKernel(fp8ExpertsOp);

/** Products of float32 numbers, or of 8-bit ones by the recipe of training, and in what they keep activations. */
export function productsIn(precision: 'float32' | 'fp8', cachedActivations: 'float32' | 'fp8' = 'float32'): Products {
  if (precision === 'float32') return float32Products;
  return cachedActivations === 'fp8' && canCache() ? cachingProducts : quantizedProducts(fp8Recipe);
}
