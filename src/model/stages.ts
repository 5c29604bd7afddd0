// The parts of a model in the order in which a forward pass runs them, each with its parameters.
// `DeepseekV3ForCausalLM` is their composition; a pipeline, or anything else that wants a forward pass or its gradients
// in pieces, runs them itself.

import type { ModelConfig } from '../config/model-config.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { MtpStage } from './mtp-stage.ts';
import { OutputHead } from './output-head.ts';
import type { ModelParts } from './parts.ts';
import { TokenEmbedding } from './token-embedding.ts';
import { TransformerBlock } from './transformer-block.ts';

/** Every parameter of a model belongs to exactly one of its stages. */
export interface ModelStages {
  readonly embedding: TokenEmbedding;
  /** `numHiddenLayers` of them. */
  readonly blocks: readonly TransformerBlock[];
  readonly head: OutputHead;
  /** `numNextnPredictLayers` of them, the first of depth 1. */
  readonly mtp: readonly MtpStage[];
}

/** Creates the parameters in the order in which checkpoints and optimizers have them. */
export function createStages(store: ParameterStore, config: ModelConfig, parts: ModelParts): ModelStages {
  const { numHiddenLayers, numNextnPredictLayers } = config;
  return {
    embedding: new TokenEmbedding(store, config),
    blocks: Array.from(
      { length: numHiddenLayers },
      (_, layer) => new TransformerBlock(store, `model.layers.${layer}`, config, layer, parts),
    ),
    head: new OutputHead(store, config),
    mtp: Array.from({ length: numNextnPredictLayers }, (_, i) => new MtpStage(store, config, i + 1, parts)),
  };
}
