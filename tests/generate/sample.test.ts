import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { sampleText } from '../../src/generate/sample.ts';
import { mostLikely } from '../../src/generate/sampling/token-ranking.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { idTensor, smallConfig, spreadBiases } from '../model/small-model.ts';
import { collect, requestOf } from './collect.ts';

const tokenizer = await createTokenizer('bytes', () => []);
const V = tokenizer.vocabSize;
let model: DeepseekV3ForCausalLM;

beforeAll(async () => {
  await activateBackend('cpu');
  model = new DeepseekV3ForCausalLM({ ...smallConfig, vocabSize: V, maxPositionEmbeddings: 41 }, 3);
  spreadBiases(model, 5);
});
afterAll(() => model.dispose());

/** The most likely text, by the whole forward pass for each token. */
async function byFullForward(promptIds: readonly number[], count: number): Promise<number[]> {
  const ids = [...promptIds];
  while (ids.length < promptIds.length + count) {
    const logits = tf.tidy(() =>
      tf.reshape(tf.slice(model.logits(idTensor([ids])), [0, ids.length - 1, 0], [1, 1, V]), [V]),
    );
    ids.push(mostLikely(await logits.data<'float32'>()));
    logits.dispose();
    if (ids.at(-1) === tokenizer.eosTokenId) break;
  }
  return ids.slice(promptIds.length).filter((id) => id !== tokenizer.eosTokenId);
}

const promptIds = [tokenizer.eosTokenId, ...tokenizer.encode('Whale')];
const options = { prompt: 'Whale', maxNewTokens: 19, temperature: 0, topK: 0, seed: 0 };

describe('sampleText', () => {
  it('is the text of the whole forward pass', async () => {
    expect(await sampleText(model, tokenizer, options)).toBe(tokenizer.decode(await byFullForward(promptIds, 19)));
  });

  it('frees what it made (leak)', async () => {
    await sampleText(model, tokenizer, options);
    const before = tf.memory().numTensors;
    await sampleText(model, tokenizer, options);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('forgets the start of a prompt that leaves no room', async () => {
    const prompt = 'x'.repeat(50);
    const kept = [...tokenizer.encode(prompt)].slice(-(41 - 19));
    const text = await sampleText(model, tokenizer, { ...options, prompt });
    expect(text).toBe(tokenizer.decode(await byFullForward(kept, 19)));
  });
});

describe('a generator over a real model', () => {
  it.each([1, 2, 3])('gives the same greedy text with %i drafts, and beside others', async (drafts) => {
    const decoder = createDecoder(model, { slots: 2, drafts: true });
    const generator = createGenerator(decoder, tokenizer, { drafts });
    const prompts = [promptIds, [1, 2, 3], [200]];
    const results = await Promise.all(
      prompts.map((prompt) => collect(generator.submit(requestOf(prompt, { maxNewTokens: 23 })))),
    );
    for (const [i, prompt] of prompts.entries()) expect(results[i]!.ids).toEqual(await byFullForward(prompt, 23));
    await generator.dispose();
  });
});
