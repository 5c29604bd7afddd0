// The presets by name: a shape (`model-presets.ts`) and training settings (`train-presets.ts`).
//
// The three released models are for counting only: their shapes are exact, but nobody trains 671B parameters here.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import type { ModelConfig } from './model-config.ts';
import { deepseekV2, deepseekV2Lite, deepseekV3, mini, peer, small, tiny } from './model-presets.ts';
import type { TrainConfig } from './train-config.ts';
import { countingTrain, defaultTrainConfig, miniTrain, peerTrain, smallTrain } from './train-presets.ts';

/** Names of the presets, trainable ones first. */
export const presetNames = [
  'tiny',
  'mini',
  'small',
  'peer-s',
  'peer-a',
  'peer-b',
  'deepseek-v3',
  'deepseek-v2',
  'deepseek-v2-lite',
] as const;

export type PresetName = (typeof presetNames)[number];

interface Preset {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly trainable: boolean;
}

const presets: Readonly<Record<PresetName, Preset>> = {
  tiny: { model: tiny, train: defaultTrainConfig, trainable: true },
  mini: { model: mini, train: miniTrain, trainable: true },
  small: { model: small, train: smallTrain, trainable: true },
  'peer-s': { model: peer(64, 2, 8, 2), train: peerTrain(4, 64), trainable: true },
  'peer-a': { model: peer(128, 4, 16, 4), train: peerTrain(8, 128), trainable: true },
  'peer-b': { model: peer(256, 6, 32, 4), train: peerTrain(8, 128), trainable: true },
  'deepseek-v3': { model: deepseekV3, train: countingTrain, trainable: false },
  'deepseek-v2': { model: deepseekV2, train: countingTrain, trainable: false },
  'deepseek-v2-lite': { model: deepseekV2Lite, train: countingTrain, trainable: false },
};

/** The preset called `name`, checked; an unknown name is a `UserError` that offers the nearest one. */
export function parsePresetName(name: string): PresetName {
  const found = presetNames.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  throw new UserError(
    `config: there is no preset ${JSON.stringify(name)}; did you mean ${closest(name, presetNames)}? ` +
      `Presets: ${presetNames.join(', ')}`,
  );
}

/** The shape of the model of a preset; an unknown name is a `UserError`. */
export function modelPreset(name: string): ModelConfig {
  return presets[parsePresetName(name)].model;
}

/** The training settings of a preset; of a preset for counting only, `seqLen` is all that means something. */
export function trainPreset(name: string): TrainConfig {
  return presets[parsePresetName(name)].train;
}

/** The presets that do not exist for counting only. */
export const trainablePresetNames: readonly PresetName[] = presetNames.filter((name) => presets[name].trainable);

/** Throws a `UserError` if a preset exists for counting only; to be called before a model is built from it. */
export function requireTrainable(name: string): void {
  const preset = parsePresetName(name);
  if (presets[preset].trainable) return;
  const trainable = trainablePresetNames.join(', ');
  throw new UserError(`config: preset ${preset} is for counting only (\`params\`); to train, use one of ${trainable}`);
}

/** What a model must know of its tokenizer. */
export interface Vocabulary {
  readonly vocabSize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
}

/** The same shape with the vocabulary of a tokenizer: in a run it is the tokenizer, not the preset, that decides it. */
export function withVocabulary(config: ModelConfig, vocabulary: Vocabulary): ModelConfig {
  const { vocabSize, bosTokenId, eosTokenId } = vocabulary;
  return { ...config, vocabSize, bosTokenId, eosTokenId };
}
