import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { UserError } from '../../src/errors.ts';
import { routeWithZeroMask } from '../../src/experiments/variants/router-bugs.ts';
import { type LayerRouting, routingOf } from '../../src/inspect/routing-of.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { deepseekParts, type ModelParts } from '../../src/model/parts.ts';
import { type Routing, routeTokens } from '../../src/ops/router.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from '../model/small-model.ts';

const T = 13;
const [ids] = randomIds(1, T, smallConfig.vocabSize, 7) as [number[]];
const multiplied: ModelConfig = { ...smallConfig, scoringFunc: 'softmax', expertBiasForm: 'multiplicative' };
const configs: [name: string, config: ModelConfig][] = [
  ['groups and two MTP depths', { ...smallConfig, numHiddenLayers: 3 }],
  ['one group', { ...smallConfig, nGroup: 1, topkGroup: 1 }],
  ['softmax affinities and a bias that multiplies', multiplied],
];

/** What the router of every layer returned in the model's own forward pass, MTP modules included. */
async function routingsOfPass(config: ModelConfig): Promise<{ routings: number[][][][]; inspected: LayerRouting[] }> {
  const routings: number[][][][] = [];
  let isOn = false;
  const watched: ModelParts['route'] = (...args) => {
    const routing: Routing = routeTokens(...args);
    const { topkIndices, topkWeights } = routing;
    if (isOn) routings.push([topkIndices.arraySync(), topkWeights.arraySync()]);
    return routing;
  };
  const model = new DeepseekV3ForCausalLM(config, 5, { ...deepseekParts, route: watched });
  spreadBiases(model, 6);
  isOn = true;
  tf.tidy(() => void model.forward(idTensor([ids]), { mtp: true }));
  isOn = false;
  const inspected = await routingOf(model, ids);
  model.dispose();
  return { routings, inspected };
}

const row = (values: ArrayLike<number>, i: number, width: number) =>
  Array.from(values).slice(i * width, (i + 1) * width);

/** The K best of some scores, the first of equals; an oracle that knows nothing of tensors. */
function best(scores: readonly number[], K: number): number[] {
  return [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, K);
}

describe.each(['cpu', 'engine'] as const)('routingOf on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it.each(configs)('gives what the router of each layer decided in the forward pass, with %s', async (_, config) => {
    const { routings, inspected } = await routingsOfPass(config);
    const moe = config.numHiddenLayers - config.firstKDenseReplace;
    expect(inspected.map(({ layer, depth, positions }) => [layer, depth, positions])).toEqual([
      ...Array.from({ length: moe }, (_, i) => [config.firstKDenseReplace + i, 0, T]),
      ...[1, 2].map((depth) => [config.numHiddenLayers + depth - 1, depth, T - depth]),
    ]);
    // The same computation: the same bits.
    for (const [i, { chosen, gates }] of inspected.entries()) {
      expect(Array.from(chosen)).toEqual(routings[i]![0]!.flat());
      expect(Array.from(gates)).toEqual(routings[i]![1]!.flat());
    }
  });

  it.each(configs)('has scores and groups that explain the choice, with %s', async (_, config) => {
    const { nRoutedExperts: E, numExpertsPerTok: K, nGroup: G, routedScalingFactor } = config;
    const { inspected } = await routingsOfPass(config);
    let moved = 0;
    for (const { positions, affinities, scores, bias, groups, chosen, chosenWithoutBias, gates } of inspected) {
      const combined = Array.from(affinities, (affinity, i) =>
        config.expertBiasForm === 'additive' ? affinity + bias[i % E]! : affinity * bias[i % E]!,
      );
      expectAllClose(scores, combined, { rtol: 1e-6, atol: 1e-7 }); // one float32 operation
      for (let i = 0; i < positions; i++) {
        const allowed = row(groups, i, G);
        expect(allowed.filter((one) => one === 1)).toHaveLength(config.topkGroup);
        const reachable = row(scores, i, E).map((score, e) => (allowed[Math.floor(e / (E / G))] ? score : -Infinity));
        expect(row(chosen, i, K)).toEqual(best(reachable, K));
        const own = row(chosen, i, K).map((e) => affinities[i * E + e]!);
        const sum = own.reduce((a, b) => a + b);
        const weights = own.map((affinity) => (affinity / sum) * routedScalingFactor);
        expectAllClose(row(gates, i, K), weights, { rtol: 1e-5, atol: 1e-6 }); // a sum and a division in float32
        if (G === 1) expect(row(chosenWithoutBias, i, K)).toEqual(best(row(affinities, i, E), K));
        if (row(chosen, i, K).some((e) => !row(chosenWithoutBias, i, K).includes(e))) moved++;
      }
    }
    expect(moved).toBeGreaterThan(0); // the bias of the test changes choices, or the test would show nothing
  });
});

describe('routingOf', () => {
  beforeAll(() => activateBackend('cpu'));

  it('shows what a model with a bug in its router does', async () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5, { ...deepseekParts, route: routeWithZeroMask });
    for (const bias of model.expertBiases.values()) tf.tidy(() => bias.assign(tf.fill([bias.size], -2)));
    const [first] = await routingOf(model, ids);
    const { nRoutedExperts: E, nGroup: G, numExpertsPerTok: K } = smallConfig;
    const outside = Array.from(first!.chosen).filter((e, i) => {
      return first!.groups[Math.floor(i / K) * G + Math.floor(e / (E / G))] === 0;
    });
    expect(outside.length).toBeGreaterThan(0);
    model.dispose();
  });

  it('leaves out MTP modules that a text is too short for, and has nothing to say of dense layers', async () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    expect((await routingOf(model, [3, 4])).map(({ depth }) => depth)).toEqual([0, 1]);
    expect((await routingOf(model, [3])).map(({ depth }) => depth)).toEqual([0]);
    model.dispose();
    const dense = new DeepseekV3ForCausalLM({ ...smallConfig, firstKDenseReplace: 2, numNextnPredictLayers: 0 }, 5);
    expect(await routingOf(dense, ids)).toEqual([]);
    dense.dispose();
  });

  it('leak: leaves no tensor behind', async () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    const before = tf.memory().numTensors;
    await routingOf(model, ids);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it.each([
    ['no tokens', [], /no tokens; give a text/],
    ['a token of another vocabulary', [3, 37], /token id 37 is outside the vocabulary; use 0 to 36/],
    ['half a token', [0.5], /token id 0.5/],
    ['a text that is too long', Array(65).fill(1) as number[], /65 tokens, but the model reads at most 64; shorten/],
  ])('refuses %s', async (_, some, message) => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 5);
    const before = tf.memory().numTensors;
    const refused = routingOf(model, some);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
