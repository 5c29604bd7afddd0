// A small model folder on disk, without TF.js: every value is different.

import { toHuggingFaceConfig } from '../../src/config/huggingface.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { bufferShapes, parameterShapes } from '../../src/config/parameter-shapes.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { toHfTensors } from '../../src/io/hf-tensors.ts';
import { jsonText } from '../../src/io/json.ts';
import type { TensorToWrite } from '../../src/io/safetensors-bytes.ts';
import { planShards } from '../../src/io/shards.ts';
import { writeModelFolder } from '../../src/io/write-model-folder.ts';
import { countingTensors, config as ioConfig } from '../io/helpers.ts';

/** The bytes tokenizer has 261 tokens; sizes are distinct primes otherwise. */
export const config: ModelConfig = { ...ioConfig, vocabSize: 263, bosTokenId: 256, eosTokenId: 257 };

const tensors = toHfTensors(countingTensors([...parameterShapes(config), ...bufferShapes(config)], 1), config);

/** Writes the folder: sharded if `maxShardBytes` is less than about 27 kB. */
export function writeSmallModel(folder: string, maxShardBytes = Number.POSITIVE_INFINITY): void {
  const lazy = tensors.map(({ name, shape, data }): TensorToWrite => ({ name, shape, dtype: 'F32', read: () => data }));
  const files = new Map([
    ['config.json', jsonText(toHuggingFaceConfig(config))],
    ['tokenizer.json', jsonText(createBytesTokenizer().toHuggingFace())],
  ]);
  writeModelFolder(folder, { shards: planShards(lazy, maxShardBytes), files });
}

/** The tensors of the folder. */
export const smallTensors = tensors;
