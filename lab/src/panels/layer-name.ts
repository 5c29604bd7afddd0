import type { ModelConfig } from 'tinyseek/core';

/** What a layer is called on the page; MTP modules follow the main layers. */
export function layerName({ numHiddenLayers }: Pick<ModelConfig, 'numHiddenLayers'>, layer: number): string {
  return layer < numHiddenLayers ? `layer ${layer}` : `MTP ${layer - numHiddenLayers + 1}`;
}
