// A small model and a task that a few steps of reinforcement learning make progress on: to write many a's.

import { createCharsTokenizer } from '../../../src/data/tokenizers/chars.ts';
import type { Tokenizer } from '../../../src/data/types.ts';
import type { Task } from '../../../src/evaluate/task.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { type GrpoOptions, grpo } from '../../../src/post-training/grpo/grpo.ts';
import { type MemoryStore, memoryStore } from '../../../src/runs/memory-store.ts';
import { saveModel } from '../../../src/train/save-model.ts';
import { smallConfig } from '../../model/small-model.ts';

const count = (text: string) => text.split('a').length - 1;

export const letters: Task = {
  name: 'letters',
  description: 'Right is an answer with the letter a.',
  problem: (random) => {
    const prompt = Array.from({ length: 1 + random.below(4) }, () => random.below(10)).join('');
    return { prompt, answer: 'aaa', solutions: { direct: 'abcaabca' } };
  },
  isRight: (_, completion) => count(completion) > 0,
};

/** More for each a. */
export const manyAs: NonNullable<GrpoOptions['reward']> = (_, completion) => count(completion);

export const lettersTokenizer: Tokenizer = await createCharsTokenizer(['0123456789', 'abc']);

/** A store with a model of random weights; the backend must be active. */
export async function lettersModel(mtpModules = 1): Promise<MemoryStore> {
  const { vocabSize, bosTokenId, eosTokenId } = lettersTokenizer;
  const shape = { ...smallConfig, numNextnPredictLayers: mtpModules, initializerRange: 0.1 };
  const model = new DeepseekV3ForCausalLM({ ...shape, vocabSize, bosTokenId, eosTokenId }, 3);
  const store = memoryStore();
  await saveModel(model, lettersTokenizer, store);
  model.dispose();
  return store;
}

export const lettersOptions = {
  task: letters,
  reward: manyAs,
  grpo: { prompts: 3, group: 5, maxNewTokens: 7 },
  train: { steps: 6, learningRate: 3e-3, checkpointEvery: 2, keepCheckpoints: 9, sampleTokens: 0, seed: 4 },
  backend: 'engine',
  backendOptions: { threads: 1 },
} satisfies Partial<GrpoOptions>;

export function runLetters(init: MemoryStore, store: MemoryStore, changes: Partial<GrpoOptions> = {}) {
  return grpo({ ...lettersOptions, init, store, ...changes });
}
