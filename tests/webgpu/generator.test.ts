// Text of a trained model on the GPU, through the generator that `generate`, `chat` and `serve` have: that of the engine.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { benchGeneration } from '../../src/bench/generation.ts';
import type { Batch } from '../../src/data/types.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import type { GenerationRequest } from '../../src/generate/batch/generator.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { collect, requestOf } from '../generate/collect.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();
const tokenizer = await createTokenizer('bytes', () => []);
const config = { ...nanoModel, maxPositionEmbeddings: 160 };
const text = 'One fish two fish red fish blue fish. Black fish blue fish old fish new fish. ';

/** Weights that have learnt the text, so that the most likely token is clear of the next one. */
async function trainedWeights(): Promise<NamedTensor[]> {
  await activateBackend('engine', { threads: 1 });
  const settings = { ...nanoTrain, batchSize: 4, seqLen: 32, learningRate: 1e-2 };
  const learner = createLearner({ model: config, train: settings });
  const [plan] = planRun(settings);
  const ids = tokenizer.encode(text.repeat(4));
  for (let step = 0; step < 60; step++) {
    const rows = Array.from({ length: 4 }, (_, row) => (step * 7 + row * 19) % 77).map((at) =>
      ids.subarray(at, at + 33),
    );
    const batch: Batch = {
      batchSize: 4,
      seqLen: 32,
      ids: Int32Array.from(rows.flatMap((row) => [...row])),
      documentIds: new Int32Array(4 * 33),
      domains: new Int32Array(4),
    };
    await trainStep(learner, batch, plan!, settings);
  }
  const weights = await learner.model.exportTensors();
  disposeLearner(learner);
  return weights;
}

/** What a generator with these weights makes of requests that come together. */
async function generate(
  backend: 'engine' | 'webgpu',
  weights: readonly NamedTensor[],
  requests: readonly GenerationRequest[],
  drafts = 0,
) {
  await activateBackend(backend, backend === 'engine' ? { threads: 1 } : {});
  const model = new DeepseekV3ForCausalLM(config, 0);
  model.importTensors(weights);
  const generator = createGenerator(createDecoder(model, { slots: 3, drafts: drafts > 0 }), tokenizer, { drafts });
  const results = await Promise.all(requests.map((request) => collect(generator.submit(request))));
  await generator.dispose();
  model.dispose();
  return results;
}

const prompts = ['One fish', 'blue f', 'Bl', 'sh red'].map((prompt) => [...tokenizer.encode(prompt)]);

describe('text on WebGPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`is not tested: ${missing}`);
    return;
  }
  let weights: NamedTensor[];
  beforeAll(async () => {
    weights = await trainedWeights();
    await activateBackend('webgpu');
  }, 60_000);
  afterAll(() => tf.removeBackend('webgpu'));

  it('is that of the engine: 100 tokens, plainly and with drafts', async () => {
    const requests = [requestOf(prompts[0]!, { maxNewTokens: 100 })];
    const [expected] = await generate('engine', weights, requests);
    expect(expected!.ids).toHaveLength(100);
    const [plain] = await generate('webgpu', weights, requests);
    expect(plain!.ids).toEqual(expected!.ids);
    expect(plain!.end.statistics).toMatchObject({ newTokens: 100, forwardPasses: 100 });
    const [drafted] = await generate('webgpu', weights, requests, 1);
    expect(drafted!.ids).toEqual(expected!.ids);
    const { forwardPasses, drafted: made, accepted } = drafted!.end.statistics;
    expect(forwardPasses + accepted).toBe(100);
    expect(made).toBeGreaterThan(accepted);
    expect(accepted).toBeGreaterThan(20);
  });

  it('is that of the engine for several texts at once, whatever each asks for', async () => {
    const drawn = { temperature: 0.8, topK: 20, topP: 1, minP: 0, repetitionPenalty: 1 };
    const requests = [
      requestOf(prompts[0]!, { maxNewTokens: 40 }),
      requestOf(prompts[1]!, { maxNewTokens: 23, sampling: { ...drawn, seed: 5 } }),
      // What the host has to choose: nucleus, penalty, probabilities.
      requestOf(prompts[2]!, { maxNewTokens: 17, sampling: { ...drawn, topK: 0, topP: 0.9, seed: 6 } }),
      requestOf(prompts[3]!, { maxNewTokens: 19, sampling: { ...drawn, repetitionPenalty: 1.2, seed: 7 } }),
      requestOf(prompts[1]!, { maxNewTokens: 11, topLogprobs: 2 }),
      requestOf(prompts[0]!, { maxNewTokens: 90, stop: ['red'] }),
    ];
    const expected = await generate('engine', weights, requests);
    const found = await generate('webgpu', weights, requests);
    for (const [i, { ids, text: written, end, tokens }] of found.entries()) {
      expect([ids, written, end.finishReason]).toEqual([
        expected[i]!.ids,
        expected[i]!.text,
        expected[i]!.end.finishReason,
      ]);
      for (const [j, { logprob }] of tokens.entries()) {
        if (logprob === null) continue;
        // A softmax of logits that differ in their last digits.
        expect(logprob).toBeCloseTo(expected[i]!.tokens[j]!.logprob!, 3);
      }
    }
  });

  it('is measured with what it asks of the GPU', async () => {
    await activateBackend('webgpu');
    const model = new DeepseekV3ForCausalLM(config, 0);
    model.importTensors(weights);
    const dataset = { tokenizer, domains: ['fish'], heldOutText: () => text };
    const sizes = { promptTokens: 8, newTokens: 9, prompts: 1, drafts: 1, temperature: 0, weights: 'float32' } as const;
    const [measured] = await benchGeneration(model, dataset, sizes);
    model.dispose();
    // The first token comes from the prompt's pass: 15 dispatches, where a token that the GPU chooses takes 16.
    expect(measured!.plain.dispatches).toBeCloseTo((15 + 8 * 16) / 9);
    expect(measured!.plain.submits).toBeGreaterThanOrEqual(2 / 9);
    expect(measured!.speculative.readbacks).toBeGreaterThanOrEqual(2 / 9);
  });
});
