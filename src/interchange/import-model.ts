// Another program's `deepseek_v3` folder as a checkpoint of ours: float32, one file, config and tensors in our form.

import { countParameters } from '../config/counts.ts';
import { storedBytes } from '../io/safetensors-header.ts';
import { planShards } from '../io/shards.ts';
import { writeModelFolder } from '../io/write-model-folder.ts';
import type { ModelFolder } from './export-model.ts';
import { openFolder } from './open-folder.ts';

/**
 * Reads any `deepseek_v3` folder (F32, BF16, F16 or block-scaled FP8; one file or sharded; with the MTP layers or
 * without) and writes it as a checkpoint. Weights are read and written one tensor at a time.
 *
 * @param out the folder to write: it must not exist yet, or be empty.
 * @throws UserError naming what is wrong with the folder, or why `out` cannot be written.
 */
export function importModel(source: string, out: string): ModelFolder {
  const folder = openFolder(source);
  try {
    const tensors = folder.tensorsAs('F32');
    const files = folder.textFiles('F32');
    const shards = planShards(tensors, Number.POSITIVE_INFINITY);
    writeModelFolder(out, { shards, files });
    return {
      config: folder.config,
      parameters: countParameters(folder.config).total,
      bytes: tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0),
      files: [...files.keys(), ...shards.map(({ name }) => name)],
      warnings: folder.warnings,
    };
  } finally {
    folder.close();
  }
}
