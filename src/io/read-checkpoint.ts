// Reads a checkpoint: one of ours, whose checksums are verified first, or any Hugging Face `deepseek_v3` folder.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { dequantized, fp8BlockSize } from './block-fp8.ts';
import type { Checkpoint, LatestCheckpoint } from './checkpoint.ts';
import { listStepFolders } from './checkpoint-folders.ts';
import {
  chatTemplateFile,
  configFile,
  generationFile,
  optimizerFile,
  tokenizerConfigFile,
  tokenizerFile,
  trainerFile,
} from './file-names.ts';
import { explainFsErrors } from './file-system.ts';
import { digestFiles } from './hashed-file.ts';
import { fileInside, hasFile, readText } from './inside-folder.ts';
import type { JsonObject } from './json.ts';
import { readJsonFile } from './json-file.ts';
import { modelFilePaths, openModelFiles } from './model-files.ts';
import { openSafetensors } from './safetensors.ts';
import { readTrainerFile } from './trainer-folder.ts';

/**
 * Opens a checkpoint folder after checking every file against the checksums in `trainer.json`, if there is one.
 *
 * @throws UserError if the folder is not a checkpoint, or a file is missing, truncated, damaged or of a newer version.
 */
export function readCheckpoint(folder: string): Checkpoint {
  checkIsCheckpoint(folder);
  const trainer = hasFile(folder, trainerFile) ? readTrainerFile(folder) : null;
  const hfConfig = readJson(folder, configFile);
  const optional = (name: string) => (hasFile(folder, name) ? readJson(folder, name) : null);
  const tokenizerJson = optional(tokenizerFile);
  const tokenizerConfig = withTemplate(folder, optional(tokenizerConfigFile));
  const generationConfig = optional(generationFile);
  const block = fp8BlockSize(hfConfig);
  const model = openModelFiles(folder);
  try {
    const optimizer = trainer ? openSafetensors(fileInside(folder, optimizerFile)) : null;
    const close = () => {
      model.close();
      optimizer?.close();
    };
    const trainerState = trainer?.state ?? null;
    const weightsSha256 = async () => digestFiles(modelFilePaths(folder)).sha256;
    return {
      hfConfig,
      tokenizerJson,
      tokenizerConfig,
      generationConfig,
      model: dequantized(model, block),
      optimizer,
      trainerState,
      weightsSha256,
      close,
    };
  } catch (error) {
    model.close();
    throw error;
  }
}

/** As transformers has it: a template in a file of its own goes before the one in `tokenizer_config.json`. */
function withTemplate(folder: string, config: JsonObject | null): JsonObject | null {
  if (!hasFile(folder, chatTemplateFile)) return config;
  return { ...config, chat_template: readText(folder, chatTemplateFile, 'checkpoint') };
}

/**
 * Finds the newest checkpoint of a run that verifies.
 *
 * @param folder the run's folder of `step-...` folders; it need not exist yet.
 */
export function latestCheckpoint(folder: string): LatestCheckpoint {
  const warnings: string[] = [];
  if (!existsSync(folder)) return { checkpoint: null, warnings };
  for (const candidate of explainFsErrors('checkpoint: cannot read', folder, () => listStepFolders(folder))) {
    try {
      const checkpoint = readCheckpoint(candidate.path);
      checkpoint.close();
      if (checkpoint.trainerState) return { checkpoint: candidate, warnings };
      warnings.push(`skipped ${candidate.path}: it has no ${trainerFile}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      warnings.push(`skipped ${candidate.path}: ${error.message}`);
    }
  }
  return { checkpoint: null, warnings };
}

/** The checkpoint folder that a path stands for, and what was wrong with newer ones. */
export interface ChosenCheckpoint {
  readonly path: string;
  readonly warnings: readonly string[];
}

/**
 * The folder itself, or the newest whole checkpoint of a run folder. Whether it is a checkpoint is for its reader to
 * say.
 *
 * @throws UserError for a run without a usable checkpoint.
 */
export function chooseCheckpoint(path: string): ChosenCheckpoint {
  const folder = join(path, 'checkpoints');
  if (!existsSync(folder)) return { path, warnings: [] };
  const { checkpoint, warnings } = latestCheckpoint(folder);
  if (checkpoint !== null) return { path: checkpoint.path, warnings };
  throw new UserError([`checkpoint: ${folder} has no usable checkpoint; choose another run`, ...warnings].join('\n'));
}

function readJson(folder: string, name: string): JsonObject {
  return readJsonFile(folder, name, 'checkpoint');
}

function checkIsCheckpoint(folder: string): void {
  const fail = (problem: string) => {
    throw new UserError(`checkpoint: ${folder} ${problem}`);
  };
  if (!existsSync(folder)) fail('does not exist; check the path');
  if (!statSync(folder).isDirectory()) fail('is a file; a checkpoint is the folder around it');
  const has = (name: string) => hasFile(folder, name);
  if (!has(trainerFile) && has(optimizerFile)) fail(`has lost its ${trainerFile}; use another checkpoint`);
  if (has(trainerFile) || has(configFile)) return;
  const hint = has('checkpoints') ? '; it is a run folder, choose one of its checkpoints' : '';
  fail(`is not a checkpoint: it has no ${configFile}${hint}`);
}
