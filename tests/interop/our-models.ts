// Random models of ours, written as `tinyseek export` writes them.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toHuggingFaceConfig } from '../../src/config/huggingface.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { tokenizerConfig } from '../../src/data/tokenizers/tokenizer-config.ts';
import type { Tokenizer } from '../../src/data/types.ts';
import type { ExportFormat } from '../../src/interchange/export-format.ts';
import { exportModel } from '../../src/interchange/export-model.ts';
import { toHfTensors } from '../../src/io/hf-tensors.ts';
import { jsonText } from '../../src/io/json.ts';
import { planShards } from '../../src/io/shards.ts';
import { writeModelFolder } from '../../src/io/write-model-folder.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { smallConfig, spreadBiases } from '../model/small-model.ts';

/** 307 tokens, the tokenizer's; a context that 64 new tokens fit in. */
export const exportedConfig: ModelConfig = {
  ...smallConfig,
  vocabSize: 307,
  maxPositionEmbeddings: 128,
  numNextnPredictLayers: 1,
  bosTokenId: 302,
  eosTokenId: 303,
};

export interface Exported {
  readonly config: ModelConfig;
  readonly format: ExportFormat;
  readonly maxShardBytes: number;
  /** Whether the export has the MTP module; default: yes. */
  readonly mtp?: boolean;
}

/** Writes a model of random weights in memory's form, then exports that to `out`. */
export async function writeExported(
  folder: string,
  out: string,
  { config, ...options }: Exported,
  tokenizer: Tokenizer,
): Promise<void> {
  const model = new DeepseekV3ForCausalLM(config, 3);
  spreadBiases(model, 5);
  const tensors = toHfTensors(await model.exportTensors(), config);
  model.dispose();
  const lazy = tensors.map(({ name, shape, data }) => ({ name, shape, dtype: 'F32' as const, read: () => data }));
  const files = new Map([
    ['config.json', jsonText(toHuggingFaceConfig(config))],
    ['tokenizer.json', jsonText(tokenizer.toHuggingFace())],
    ['tokenizer_config.json', jsonText(tokenizerConfig(tokenizer))],
  ]);
  mkdirSync(folder, { recursive: true });
  const source = join(folder, `source-${Math.random().toString(36).slice(2)}`);
  writeModelFolder(source, { shards: planShards(lazy, Number.POSITIVE_INFINITY), files });
  exportModel(source, { out, ...options, torchtitan: false, run: null });
}
