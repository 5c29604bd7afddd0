// What export and import both start from: a folder whose config, tokenizer and weights have been checked, its values
// unread.

import { huggingFaceConfigText } from '../config/huggingface-text.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes, parameterShapes } from '../config/parameter-shapes.ts';
import { generationConfig, tokenizerConfig } from '../data/tokenizers/tokenizer-config.ts';
import { UserError } from '../errors.ts';
import { folderTokenizer } from '../generate/folder-tokenizer.ts';
import { configFile, generationFile, tokenizerConfigFile, tokenizerFile } from '../io/file-names.ts';
import { folderConfig } from '../io/folder-config.ts';
import { firstFew, rewriteHfTensors } from '../io/hf-tensors.ts';
import { type JsonObject, jsonText } from '../io/json.ts';
import { readCheckpoint } from '../io/read-checkpoint.ts';
import type { TensorToWrite } from '../io/safetensors-bytes.ts';
import type { LazyTensor } from '../io/tensor-source.ts';
import { readDescribedFiles } from './described-files.ts';
import { type ExportFormat, isFp8, plainFormat, quantizationConfig, quantizedTensors } from './export-format.ts';
import { writtenConfig } from './written-config.ts';

/** An open model folder, ready to be written elsewhere. */
export interface OpenFolder {
  /** Of what is written. */
  readonly config: ModelConfig;
  /** Of the folder itself, which may have MTP modules that are left out. */
  readonly storedConfig: ModelConfig;
  readonly trainerState: JsonObject | null;
  readonly warnings: readonly string[];
  /** Every tensor of a complete file, in a format; values are read one tensor at a time. */
  tensorsAs(format: ExportFormat): TensorToWrite[];
  /** Config, tokenizer, generation settings and whatever else describes the model, as text, by file name. */
  textFiles(format: ExportFormat): Map<string, string>;
  close(): void;
}

const torchNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

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
    const { config: storedConfig, model, warnings } = folderConfig(checkpoint);
    const { tokenizer, notes } = folderTokenizer(folder, checkpoint, storedConfig);
    const expected = [...parameterShapes(storedConfig), ...bufferShapes(storedConfig)];
    const rewritten = rewriteHfTensors(model, storedConfig, expected);
    const config = mtp ? storedConfig : withoutMtp(storedConfig);
    const tensors = rewritten.tensors.filter(({ name }) => layerOf(name) < layersOf(config));
    const described = readDescribedFiles(folder);
    const { notes: configNotes } = writtenConfig(checkpoint.hfConfig, config, torchNames.F32);
    const leftOut = described.leftOut.length === 0 ? [] : [`left out: ${firstFew(described.leftOut)}`];
    const configText = (format: ExportFormat) => {
      const { json } = writtenConfig(checkpoint.hfConfig, config, torchNames[plainFormat(format)]);
      return huggingFaceConfigText(isFp8(format) ? { ...json, quantization_config: quantizationConfig(format) } : json);
    };
    return {
      config,
      storedConfig,
      trainerState: checkpoint.trainerState,
      warnings: [...warnings, ...notes, ...configNotes, ...leftOut, ...(mtp ? rewritten.warnings : [])],
      tensorsAs: (format) => tensors.flatMap((tensor) => inFormat(tensor, format)),
      textFiles: (format) =>
        new Map([
          [configFile, configText(format)],
          [generationFile, jsonText(generationConfig(tokenizer))],
          [tokenizerFile, jsonText(checkpoint.tokenizerJson ?? {})],
          [tokenizerConfigFile, jsonText(tokenizerConfig(tokenizer))],
          ...described.files,
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
function inFormat(tensor: LazyTensor, format: ExportFormat): TensorToWrite[] {
  if (tensor.name.endsWith('.e_score_correction_bias')) return [{ ...tensor, dtype: 'F32' }];
  if (isFp8(format)) return quantizedTensors(tensor, format);
  if (format !== 'F16') return [{ ...tensor, dtype: format }];
  return [{ ...tensor, dtype: format, read: () => checkRange(tensor.name, tensor.read()) }];
}

function checkRange(name: string, values: Float32Array): Float32Array {
  const large = values.find((value) => Math.abs(value) > largestF16);
  if (large === undefined) return values;
  throw new UserError(`export: ${name} has the value ${large}, and f16 ends at ${largestF16}; use --dtype bf16 or f32`);
}
