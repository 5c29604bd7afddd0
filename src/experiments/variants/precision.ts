// Recipes of training in 8 bits other than the report's, by the name of their variant.

import type { TrainConfig } from '../../config/train-config.ts';
import type { Quantizer } from '../../precision/quantize.ts';
import { type Fp8Recipe, fp8Recipe } from '../../precision/recipe.ts';
import type { Arm, Variant } from '../study.ts';

const wholeMatrix: Quantizer = { format: 'e4m3', rows: Infinity, columns: Infinity };

/** Earlier recipes, and the one of the report's appendix B.2 that made a model diverge. */
const recipes = {
  'fp8-per-tensor': { activations: wholeMatrix, weights: wholeMatrix, gradients: wholeMatrix },
  'fp8-block-gradients': { ...fp8Recipe, gradients: fp8Recipe.weights },
  'fp8-e5m2-gradients': { ...fp8Recipe, gradients: { ...fp8Recipe.gradients, format: 'e5m2' } },
  'fp8-exact-cache': { ...fp8Recipe, cached: 'given' },
} as const satisfies Record<string, Fp8Recipe>;

/** The recipes of variants with planted outliers; null: float32. */
const planted = {
  'outliers-float32': null,
  'outliers-fp8': fp8Recipe,
  'outliers-per-tensor': recipes['fp8-per-tensor'],
  'outliers-e5m2-gradients': recipes['fp8-e5m2-gradients'],
  'outliers-exact-cache': recipes['fp8-exact-cache'],
} as const satisfies Record<string, Fp8Recipe | null>;

/** The recipe by which an arm rounds; null for an arm that trains in float32. */
export function recipeOf({ variant }: Pick<Arm, 'variant'>, precision: TrainConfig['precision']): Fp8Recipe | null {
  const own = Object.entries<Fp8Recipe | null>({ ...recipes, ...planted }).find(([name]) => name === variant);
  return own === undefined ? (precision === 'fp8' ? fp8Recipe : null) : own[1];
}

const trainedWith =
  (recipe: Fp8Recipe): Variant =>
  async () => {
    const { quantizedProducts } = await import('../../ops/products.ts');
    return { parts: { model: { products: quantizedProducts(recipe) } } };
  };

const plantedWith =
  (recipe: Fp8Recipe | null): Variant =>
  async () => {
    const { float32Products, quantizedProducts } = await import('../../ops/products.ts');
    const { plantOutliers } = await import('./outliers.ts');
    const products = recipe === null ? float32Products : quantizedProducts(recipe);
    return { parts: { model: { products: plantOutliers(products) } } };
  };

export const precisionVariants = {
  'fp8-per-tensor': trainedWith(recipes['fp8-per-tensor']),
  'fp8-block-gradients': trainedWith(recipes['fp8-block-gradients']),
  'fp8-e5m2-gradients': trainedWith(recipes['fp8-e5m2-gradients']),
  'fp8-exact-cache': trainedWith(recipes['fp8-exact-cache']),
  'outliers-float32': plantedWith(planted['outliers-float32']),
  'outliers-fp8': plantedWith(planted['outliers-fp8']),
  'outliers-per-tensor': plantedWith(planted['outliers-per-tensor']),
  'outliers-e5m2-gradients': plantedWith(planted['outliers-e5m2-gradients']),
  'outliers-exact-cache': plantedWith(planted['outliers-exact-cache']),
  'bfloat16-moments': async () => {
    const { AdamW } = await import('../../train/adamw.ts');
    return {
      parts: { optimizer: (model, train) => new AdamW(model.parameters, { ...train, adamMoments: 'bfloat16' }) },
    };
  },
} as const satisfies Record<string, Variant>;
