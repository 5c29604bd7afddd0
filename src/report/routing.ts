// Whether there is any routing to report on.

import type { ModelConfig } from '../config/model-config.ts';

/** False for a dense model, and where every token takes all experts: both are always in perfect balance. */
export function routesTokens(model: ModelConfig): boolean {
  const layers = model.numHiddenLayers + model.numNextnPredictLayers - model.firstKDenseReplace;
  return layers > 0 && model.nRoutedExperts > model.numExpertsPerTok;
}
