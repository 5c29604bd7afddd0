import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createRandom } from '../../src/data/random.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { UserError } from '../../src/errors.ts';
import { type SampledAnswer, sampleBatch } from '../../src/generate/batch/sample-batch.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { randomIds } from '../model/small-model.ts';
import { chiSquare, chiSquareLimit } from './chi-square.ts';
import { fullLogits, randomModel, tolerance } from './decoder-case.ts';

const V = 37;
const end = 1;
const prompts = [randomIds(1, 3, V, 1), randomIds(1, 7, V, 2), randomIds(1, 5, V, 3)].map(([ids]) => ids!);
const options = (seed = 0) => ({ n: 4, random: createRandom(seed), maxNewTokens: 11, endTokenIds: [end] });

function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  const scaled = Float64Array.from(logits, (x) => x / temperature);
  const largest = Math.max(...scaled);
  const sum = scaled.reduce((total, x) => total + Math.exp(x - largest), 0);
  return scaled.map((x) => x - largest - Math.log(sum));
}

/** The log probability of each token of an answer by the full forward pass. */
function fullLogps(model: DeepseekV3ForCausalLM, prompt: readonly number[], ids: readonly number[], temperature = 1) {
  const rows = fullLogits(model, [...prompt, ...ids]);
  return ids.map((id, i) => logSoftmax(rows[prompt.length - 1 + i]!, temperature)[id]!);
}

const allAnswers = (groups: readonly (readonly SampledAnswer[])[]) =>
  groups.flatMap((group, p) => group.map((answer) => ({ prompt: prompts[p]!, ...answer })));

describe.each(['engine', 'cpu'] as const)('sampleBatch on %s', (backend) => {
  beforeAll(async () => void (await activateBackend(backend)));

  it.each([1, 0.7, 1.5])(
    'property: log probabilities are those of the full forward pass, temperature %s',
    async (t) => {
      const model = randomModel();
      const groups = await sampleBatch(model, prompts, { ...options(), temperature: t });
      for (const { prompt, ids, logps } of allAnswers(groups)) {
        expectAllClose(Float32Array.from(logps), Float32Array.from(fullLogps(model, prompt, ids, t)), tolerance);
      }
      model.dispose();
    },
  );

  it('property: at temperature 0 every token is the most likely one, with the log probability of the model', async () => {
    const model = randomModel();
    const groups = await sampleBatch(model, prompts, { ...options(), n: 1, temperature: 0 });
    for (const { prompt, ids, logps } of allAnswers(groups)) {
      const rows = fullLogits(model, [...prompt, ...ids]).slice(prompt.length - 1, -1);
      expect(ids).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
      expectAllClose(Float32Array.from(logps), Float32Array.from(fullLogps(model, prompt, ids)), tolerance);
    }
    model.dispose();
  });
});

describe('sampleBatch', () => {
  beforeAll(async () => void (await activateBackend('engine')));

  it('property: an answer stops at the first end token, or is cut off at maxNewTokens', async () => {
    const model = randomModel();
    const groups = await sampleBatch(model, prompts, { ...options(), n: 40, endTokenIds: [end, 5, 6, 7] });
    const answers = allAnswers(groups);
    for (const { ids, logps, ended } of answers) {
      expect(logps).toHaveLength(ids.length);
      const first = ids.findIndex((id) => [end, 5, 6, 7].includes(id));
      expect(ended).toBe(first !== -1);
      expect(ids).toHaveLength(ended ? first + 1 : 11);
    }
    expect(new Set(answers.map(({ ended }) => ended)).size).toBe(2);
    model.dispose();
  });

  it('property: the same answers, to the last bit, however many are in memory at once', async () => {
    const model = randomModel();
    const few = await sampleBatch(model, prompts, { ...options(), atOnce: 1 });
    expect(await sampleBatch(model, prompts, { ...options(), atOnce: 9 })).toEqual(few);
    expect(await sampleBatch(model, prompts, options())).toEqual(few);
    expect(await sampleBatch(model, prompts, options(1))).not.toEqual(few);
    model.dispose();
  });

  it('property: the first token is distributed as the model says', async () => {
    const model = randomModel();
    const [group] = await sampleBatch(model, [prompts[0]!], { ...options(), n: 3000, maxNewTokens: 1 });
    const counts = Array.from({ length: V }, () => 0);
    for (const { ids } of group!) counts[ids[0]!]!++;
    const probabilities = [...logSoftmax(fullLogits(model, prompts[0]!).at(-1)!, 1)].map(Math.exp);
    expect(chiSquare(counts, probabilities)).toBeLessThan(chiSquareLimit(V - 1));
    model.dispose();
  });

  it('follows the live weights: after a change it samples from the changed model', async () => {
    const model = randomModel();
    const before = await sampleBatch(model, prompts, options());
    for (const parameter of model.parameters.values()) tf.tidy(() => parameter.assign(tf.mul(parameter, 1.1)));
    const after = await sampleBatch(model, prompts, options());
    expect(after).not.toEqual(before);
    for (const { prompt, ids, logps } of allAnswers(after)) {
      expectAllClose(Float32Array.from(logps), Float32Array.from(fullLogps(model, prompt, ids)), tolerance);
    }
    model.dispose();
  });

  it('leak: leaves no tensor and no memory of the engine behind', async () => {
    const model = randomModel();
    await sampleBatch(model, prompts, options());
    const [used, tensors] = [runningEngine()!.heap.use.used, tf.memory().numTensors];
    await sampleBatch(model, prompts, options());
    expect([runningEngine()!.heap.use.used, tf.memory().numTensors]).toEqual([used, tensors]);
    model.dispose();
  });

  it('returns nothing for no prompts, and says what is wrong with others', async () => {
    const model = randomModel();
    const sample = (ids: number[][], changes = {}) => sampleBatch(model, ids, { ...options(), ...changes });
    expect(await sample([])).toEqual([]);
    await expect(sample([[3], []])).rejects.toThrow(
      new UserError('sample: prompt 2 has no tokens; give it at least one'),
    );
    await expect(sample([[V]])).rejects.toThrow(UserError);
    await expect(sample([[3, 4]], { maxNewTokens: 64 })).rejects.toThrow('ask for at most 63 new tokens');
    await expect(sample([[3]], { n: 0 })).rejects.toThrow('sample: n must be a whole number from 1 on; found 0');
    await expect(sample([[3]], { temperature: Number.NaN })).rejects.toThrow('temperature must be 0');
    model.dispose();
  });
});
