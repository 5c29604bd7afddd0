// What an outlier does to the numbers around it when they are rounded as an arm rounds activations (F 4.7).

import { quantizeDequantize } from '../../precision/quantize.ts';
import { normalArray } from '../../tensor/random.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { outlierFactor } from '../variants/outliers.ts';
import { recipeOf } from '../variants/precision.ts';

/** Rows and columns of the matrix that is rounded. */
const size = 256;

/**
 * `plantedError`: of a matrix of normal numbers whose first channel is `outlierFactor` times as large, the relative
 * error of all other channels. It is 0 for an arm that does not round.
 */
export async function probePlantedError({ arm, train }: TrainedArm): Promise<Measurements> {
  const recipe = recipeOf(arm, train.precision);
  if (recipe === null) return { plantedError: 0 };
  const isPlanted = (i: number) => i % size === 0;
  const x = normalArray(size * size, 1, train.seed).map((value, i) => (isPlanted(i) ? value * outlierFactor : value));
  const rounded = quantizeDequantize(x, size, recipe.activations);
  let [error, all] = [0, 0];
  for (const [i, value] of x.entries()) {
    if (isPlanted(i)) continue;
    error += (rounded[i]! - value) ** 2;
    all += value ** 2;
  }
  return { plantedError: Math.sqrt(error / all) };
}
