// A checkpoint as a folder for other programs.

import { basename } from 'node:path';
import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { validateRecordedTrain } from '../config/recorded.ts';
import { storedBytes } from '../io/safetensors-header.ts';
import { planShards } from '../io/shards.ts';
import { writeModelFolder } from '../io/write-model-folder.ts';
import type { RunData } from '../report/run-data.ts';
import { parseState } from '../train/trainer-state.ts';
import { type ExportFormat, isFp8, unevenSizes } from './export-format.ts';
import { modelCard } from './model-card.ts';
import { openFolder } from './open-folder.ts';
import { torchtitanFile, torchtitanModule } from './torchtitan-config.ts';

export interface ExportOptions {
  /** The folder to write: it must not exist yet, or be empty. */
  readonly out: string;
  readonly format: ExportFormat;
  /** Most bytes of weights in one file. */
  readonly maxShardBytes: number;
  /** Whether to add the module with which torchtitan goes on training. */
  readonly torchtitan: boolean;
  /** Whether the MTP modules are written, of which transformers has no use but to draft with them. Default: yes. */
  readonly mtp?: boolean;
  /** The run that the checkpoint is of, for the model card; null if it is not known. */
  readonly run: RunData | null;
}

/** What was written. */
export interface ModelFolder {
  readonly config: ModelConfig;
  readonly parameters: number;
  /** Of the weights. */
  readonly bytes: number;
  /** All files, by name. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Writes a checkpoint as a Hugging Face folder with a model card. Weights are read and written one tensor at a time.
 *
 * @throws UserError if the checkpoint is unusable, if the folder cannot be written, or if the format cannot hold a
 * value.
 */
export function exportModel(checkpoint: string, options: ExportOptions): ModelFolder {
  const { out, format, maxShardBytes, torchtitan, mtp = true, run } = options;
  const folder = openFolder(checkpoint, mtp);
  try {
    const { config, storedConfig } = folder;
    const state = folder.trainerState === null ? null : parseState(folder.trainerState, checkpoint, 'export');
    const train = state === null ? undefined : validateRecordedTrain(state.train, storedConfig);
    const tensors = folder.tensorsAs(format);
    const shards = planShards(tensors, maxShardBytes);
    const files = folder.textFiles(format);
    const isReplaced = files.has('README.md');
    files.set('README.md', modelCard({ name: basename(out), config, storedConfig, format, state, train, run }));
    if (torchtitan) files.set(torchtitanFile, torchtitanModule(config, train));
    writeModelFolder(out, { shards, files });
    return {
      config,
      parameters: countParameters(config).total,
      bytes: tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0),
      files: [...files.keys(), ...shards.map(({ name }) => name)],
      warnings: [
        ...folder.warnings,
        ...formatWarnings(config, format),
        ...(isReplaced ? ['README.md: a new model card takes its place'] : []),
      ],
    };
  } finally {
    folder.close();
  }
}

function formatWarnings(config: ModelConfig, format: ExportFormat): string[] {
  const uneven = isFp8(format) ? unevenSizes(config, format.block) : [];
  if (uneven.length === 0) return [];
  return [
    `FP8: weights with ${uneven.join(', ')} rows or columns end in a smaller block, which transformers misreads where ` +
      'it has no GPU; --check transformers says which --fp8-block avoids it',
  ];
}
