// What export and import both start from: a folder whose config, tokenizer and weights have been checked, its values
// unread.

import { toHuggingFaceConfig } from '../config/huggingface.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes, parameterShapes } from '../config/parameter-shapes.ts';
import { tokenizerConfig } from '../data/tokenizers/tokenizer-config.ts';
import { UserError } from '../errors.ts';
import { folderTokenizer } from '../generate/folder-tokenizer.ts';
import type { FloatFormat } from '../io/float-formats.ts';
import { folderConfig } from '../io/folder-config.ts';
import { rewriteHfTensors } from '../io/hf-tensors.ts';
import { hasFile, readText } from '../io/inside-folder.ts';
import { type JsonObject, jsonText } from '../io/json.ts';
import { readCheckpoint } from '../io/read-checkpoint.ts';
import type { TensorToWrite } from '../io/safetensors-bytes.ts';
import type { LazyTensor } from '../io/tensor-source.ts';

/** An open model folder, ready to be written elsewhere. */
export interface OpenFolder {
  /** Of what is written. */
  readonly config: ModelConfig;
  /** Of the folder itself, which may have MTP modules that are left out. */
  readonly storedConfig: ModelConfig;
  readonly trainerState: JsonObject | null;
  readonly warnings: readonly string[];
  /** Every tensor of a complete file, in a format; values are read one tensor at a time. */
  tensorsAs(format: FloatFormat): TensorToWrite[];
  /** Config, tokenizer and generation settings as text, by file name. */
  textFiles(format: FloatFormat): Map<string, string>;
  close(): void;
}

const torchNames: Readonly<Record<FloatFormat, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

const largestF16 = 65504;

/**
 * Opens a model folder, ours or another's.
 *
 * @param mtp whether its MTP modules are part of what is written.
 * @throws UserError if it is none, is damaged, lacks a tokenizer, or has weights that its config does not describe.
 */
export function openFolder(folder: string, mtp = true): OpenFolder {
  const checkpoint = readCheckpoint(folder);
  try {
    const { config: storedConfig, warnings } = folderConfig(checkpoint);
    const tokenizer = folderTokenizer(folder, checkpoint.tokenizerJson, storedConfig);
    const expected = [...parameterShapes(storedConfig), ...bufferShapes(storedConfig)];
    const rewritten = rewriteHfTensors(checkpoint.model, storedConfig, expected);
    const config = mtp ? storedConfig : withoutMtp(storedConfig);
    const tensors = rewritten.tensors.filter(({ name }) => layerOf(name) < layersOf(config));
    const settings = readOptional(folder, 'tokenizer_config.json') ?? jsonText(tokenizerConfig(tokenizer));
    return {
      config,
      storedConfig,
      trainerState: checkpoint.trainerState,
      warnings: [...warnings, ...(mtp ? rewritten.warnings : [])],
      tensorsAs: (format) => tensors.map((tensor) => inFormat(tensor, format)),
      textFiles: (format) =>
        new Map([
          ['config.json', jsonText(toHuggingFaceConfig(config, torchNames[format]))],
          ['generation_config.json', jsonText({ bos_token_id: config.bosTokenId, eos_token_id: config.eosTokenId })],
          ['tokenizer.json', jsonText(checkpoint.tokenizerJson ?? {})],
          ['tokenizer_config.json', settings],
        ]),
      close: () => checkpoint.close(),
    };
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/** A model without its MTP modules. */
export function withoutMtp(config: ModelConfig): ModelConfig {
  return { ...config, numNextnPredictLayers: 0 };
}

/** Layers of a file: those of the main model, then the MTP modules. */
function layersOf({ numHiddenLayers, numNextnPredictLayers }: ModelConfig): number {
  return numHiddenLayers + numNextnPredictLayers;
}

/** The layer that a tensor belongs to; below all of them for those outside. */
function layerOf(name: string): number {
  return Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1);
}

/** The balancing bias stays float32, as in the released weights: loaders insist on it, and its steps are small. */
function inFormat(tensor: LazyTensor, format: FloatFormat): TensorToWrite {
  if (tensor.name.endsWith('.e_score_correction_bias')) return { ...tensor, dtype: 'F32' };
  if (format !== 'F16') return { ...tensor, dtype: format };
  return { ...tensor, dtype: format, read: () => checkRange(tensor.name, tensor.read()) };
}

function checkRange(name: string, values: Float32Array): Float32Array {
  const large = values.find((value) => Math.abs(value) > largestF16);
  if (large === undefined) return values;
  throw new UserError(`export: ${name} has the value ${large}, and f16 ends at ${largestF16}; use --dtype bf16 or f32`);
}

function readOptional(folder: string, name: string): string | null {
  return hasFile(folder, name) ? readText(folder, name, 'model folder') : null;
}
