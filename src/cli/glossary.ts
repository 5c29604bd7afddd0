// What the words mean that the output cannot do without.

import type { ModelConfig } from '../config/model-config.ts';

export const maxVioMeaning =
  'MaxVio says how far the busiest expert is above the mean load: 0 is perfect balance, 1 is twice the mean.';

/** The words that lines about the training of this model use; none where the model has nothing that they name. */
export function trainingWords({ numHiddenLayers, firstKDenseReplace, numNextnPredictLayers }: ModelConfig): string[] {
  const ahead = numNextnPredictLayers === 1 ? 'the token after next' : 'the tokens after the next one';
  return [
    ...(numNextnPredictLayers > 0 ? [`MTP loss is the loss on ${ahead}.`] : []),
    ...(firstKDenseReplace < numHiddenLayers || numNextnPredictLayers > 0 ? [maxVioMeaning] : []),
  ];
}
