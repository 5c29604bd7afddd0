// What goes into a checkpoint, and what is read from one: the same in every kind of store.

import { huggingFaceConfigText } from '../config/huggingface-text.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import {
  configFile,
  generationFile,
  modelFile,
  optimizerFile,
  tokenizerConfigFile,
  tokenizerFile,
} from './file-names.ts';
import { toHfTensors } from './hf-tensors.ts';
import type { JsonObject } from './json.ts';
import { asFloat32, safetensorsPieces } from './safetensors-bytes.ts';
import type { TensorReader } from './tensor-source.ts';
import { encodeJson, encodeUtf8 } from './utf8.ts';

/** What goes into a model folder. */
export interface ModelContents {
  readonly config: ModelConfig;
  /** `config.json`. */
  readonly hfConfig: JsonObject;
  /** `tokenizer.json`. */
  readonly tokenizerJson: JsonObject;
  /** `tokenizer_config.json`. */
  readonly tokenizerConfig: JsonObject;
  /** `generation_config.json`. */
  readonly generationConfig: JsonObject;
  /** Parameters and buffers, with the names and layout they have in memory. */
  readonly model: readonly NamedTensor[];
}

/** The contents of a checkpoint. */
export interface CheckpointContents extends ModelContents {
  /** The tensors that the trainer needs to go on, such as moments and moving averages. Their names are free. */
  readonly optimizer: readonly NamedTensor[];
  /** Anything that survives JSON: no NaN, infinities, typed arrays or undefined. */
  readonly trainerState: JsonObject;
}

/** An open checkpoint; tensors are read on demand until it is closed. */
export interface Checkpoint {
  /** `config.json`. */
  readonly hfConfig: JsonObject;
  /** `tokenizer.json`; null if the folder has none. */
  readonly tokenizerJson: JsonObject | null;
  /** `tokenizer_config.json`; null if the folder has none. */
  readonly tokenizerConfig: JsonObject | null;
  /** `generation_config.json`; null if the folder has none. */
  readonly generationConfig: JsonObject | null;
  /** The weights with the names and layout of the file, FP8 ones multiplied by their scales: see `fromHfTensors`. */
  readonly model: TensorReader;
  /** Null for a folder that was not written by a trainer of ours. */
  readonly optimizer: TensorReader | null;
  /** Null for a folder that was not written by a trainer of ours. */
  readonly trainerState: JsonObject | null;
  /**
   * SHA-256 of `model.safetensors`; of several files of weights: of their bytes one after the other, in order of their
   * names.
   */
  weightsSha256(): Promise<string>;
  close(): void;
}

/** Where a checkpoint lies, as `RunStore.openCheckpoint` takes it, and how many optimizer steps are in it. */
export interface StoredCheckpoint {
  readonly path: string;
  readonly step: number;
}

/** The newest usable checkpoint of a run, and what was wrong with the newer ones. */
export interface LatestCheckpoint {
  /** Null if there is none. */
  readonly checkpoint: StoredCheckpoint | null;
  readonly warnings: readonly string[];
}

/** A file to be written, a piece at a time. */
export interface NamedBytes {
  readonly name: string;
  readonly pieces: Iterable<Uint8Array>;
}

/** The files of a Hugging Face model folder. */
export function* modelFiles(contents: ModelContents): Generator<NamedBytes> {
  const { config, hfConfig, tokenizerJson, tokenizerConfig, generationConfig, model } = contents;
  yield { name: configFile, pieces: [encodeUtf8(huggingFaceConfigText(hfConfig))] };
  yield jsonBytes(generationFile, generationConfig);
  yield jsonBytes(tokenizerFile, tokenizerJson);
  yield jsonBytes(tokenizerConfigFile, tokenizerConfig);
  yield { name: modelFile, pieces: safetensorsPieces(asFloat32(toHfTensors(model, config))) };
}

/** The files of a checkpoint, in the order in which they are written; `trainer.json`, which lists them, comes after. */
export function* checkpointFiles(contents: CheckpointContents): Generator<NamedBytes> {
  yield* modelFiles(contents);
  yield { name: optimizerFile, pieces: safetensorsPieces(asFloat32(contents.optimizer)) };
}

function jsonBytes(name: string, value: JsonObject): NamedBytes {
  return { name, pieces: [encodeJson(value)] };
}
