// The stages of a model that one rank holds.

import type { ModelConfig } from '../../config/model-config.ts';
import { MtpStage } from '../../model/mtp-stage.ts';
import { OutputHead } from '../../model/output-head.ts';
import type { ModelParts } from '../../model/parts.ts';
import { TokenEmbedding } from '../../model/token-embedding.ts';
import { TransformerBlock } from '../../model/transformer-block.ts';
import type { ParameterStore } from '../../tensor/parameters.ts';
import type { tf } from '../../tensor/tf.ts';
import type { StageLayers } from './stage-layers.ts';

/** A run of layers; the first stage has the embedding too, the last one the head and the MTP modules. */
export interface HeldStage {
  readonly index: number;
  readonly embedding: TokenEmbedding | null;
  readonly blocks: readonly TransformerBlock[];
  readonly head: OutputHead | null;
  readonly mtp: readonly MtpStage[];
  readonly parameters: ReadonlyMap<string, tf.Variable>;
}

/** The variables belong to the store. */
export function createHeldStage(
  store: ParameterStore,
  config: ModelConfig,
  parts: ModelParts,
  split: readonly StageLayers[],
  index: number,
): HeldStage {
  const { from, to } = split[index]!;
  const isLast = index === split.length - 1;
  const embedding = index === 0 ? new TokenEmbedding(store, config) : null;
  const blocks = Array.from(
    { length: to - from },
    (_, i) => new TransformerBlock(store, `model.layers.${from + i}`, config, from + i, parts),
  );
  const head = isLast ? new OutputHead(store, config) : null;
  const depths = isLast ? config.numNextnPredictLayers : 0;
  const mtp = Array.from({ length: depths }, (_, i) => new MtpStage(store, config, i + 1, parts));
  const all = [embedding, ...blocks, head, ...mtp].flatMap((part) => (part === null ? [] : [...part.parameters]));
  return { index, embedding, blocks, head, mtp, parameters: new Map(all) };
}

/** The balancing biases of the stage, by layer. */
export function biasesOf({ blocks, mtp }: HeldStage): ReadonlyMap<number, tf.Variable> {
  const all = [...blocks, ...mtp.map(({ block }) => block)];
  return new Map(all.flatMap(({ layer, expertBias }) => (expertBias === null ? [] : [[layer, expertBias] as const])));
}
