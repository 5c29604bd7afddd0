// The model in one line.

import type { RunSettings } from '../../train/run-settings.ts';
import { formatCount } from '../format.ts';

/** E.g. `1.79 M parameters (621 k active): 4 layers (1 dense), hidden 128, MLA latent 32, 16 experts, top-4, ...`. */
export function describeModel({ model, parameters, activeParameters }: RunSettings): string {
  const dense = model.firstKDenseReplace > 0 ? ` (${model.firstKDenseReplace} dense)` : '';
  const depth = model.numNextnPredictLayers;
  return [
    `${formatCount(parameters)} parameters (${formatCount(activeParameters)} active): ${model.numHiddenLayers} layers${dense}`,
    `hidden ${model.hiddenSize}`,
    `MLA latent ${model.kvLoraRank} + ${model.qkRopeHeadDim}`,
    `${model.nRoutedExperts} experts, top-${model.numExpertsPerTok}, ${model.nSharedExperts} shared`,
    depth > 0 ? `MTP depth ${depth}` : 'no MTP',
  ].join(', ');
}
