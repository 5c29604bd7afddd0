import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { type RouterConfig, routeTokens } from '../../src/ops/router.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

interface RouterCase {
  readonly name: string;
  readonly nRoutedExperts: number;
  readonly nGroup: number;
  readonly topkGroup: number;
  readonly numExpertsPerTok: number;
  readonly normTopkProb: boolean;
  readonly routedScalingFactor: number;
  readonly logits: number[][];
  readonly bias: number[];
  readonly topkIndices: number[][];
  readonly topkWeights: number[][];
}

const goldens = loadGoldenJson('router.json').cases as RouterCase[];

interface Selection {
  readonly indices: number[];
  readonly weights: number[];
}

/** Experts of each token in ascending order, with their gates. */
function route(logits: number[][], bias: ArrayLike<number>, config: RouterConfig): Selection[] {
  const [indices, weights] = tf.tidy(() => {
    const routing = routeTokens(tf.tensor2d(logits), tf.tensor1d(Float32Array.from(bias)), config);
    return [routing.topkIndices.arraySync(), routing.topkWeights.arraySync()];
  });
  return indices.map((row, n) => {
    const order = [...row.keys()].sort((a, b) => row[a]! - row[b]!);
    return { indices: order.map((k) => row[k]!), weights: order.map((k) => weights[n]![k]!) };
  });
}

const plain = (numExpertsPerTok: number, nRoutedExperts: number): RouterConfig => ({
  nRoutedExperts,
  numExpertsPerTok,
  nGroup: 1,
  topkGroup: 1,
  normTopkProb: true,
  routedScalingFactor: 1,
  scoringFunc: 'sigmoid',
  expertBiasForm: 'additive',
});

const logit = (p: number) => Math.log(p / (1 - p));
const rtol = { rtol: 1e-5, atol: 1e-6 }; // a sigmoid, a sum and a division in float32

describe.each(['cpu', 'wasm', 'engine'] as const)('routeTokens on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it('golden: chooses and weighs as transformers does in all 208 cases of router.json', () => {
    expect(goldens).toHaveLength(208);
    for (const golden of goldens) {
      const config = { ...golden, scoringFunc: 'sigmoid', expertBiasForm: 'additive' } as const;
      const routed = route(golden.logits, golden.bias, config);
      for (const [n, { indices, weights }] of routed.entries()) {
        expect(indices, golden.name).toEqual(golden.topkIndices[n]);
        expectAllClose(weights, golden.topkWeights[n]!, rtol, golden.name);
      }
    }
  });

  it('golden: keeps groups 0 and 3 of the worked example, by biased scores, and weighs by unbiased ones', () => {
    const scores = [0.9, 0.2, 0.6, 0.7, 0.1, 0.8, 0.3, 0.4].map(logit);
    const bias = [0, 0.3, 0, -0.25, 0, -0.35, 0.5, 0];
    const config = { ...plain(4, 8), nGroup: 4, topkGroup: 2, routedScalingFactor: 2.5 };
    const [limited] = route([scores], bias, config);
    expect(limited?.indices).toEqual([0, 1, 6, 7]);
    expectAllClose(limited!.weights, [1.25, 2.5 / 9, 1.25 / 3, 5 / 9], rtol);
    expect(route([scores], bias, { ...config, nGroup: 1, topkGroup: 1 })[0]?.indices).toEqual([0, 1, 2, 6]);
    expect(route([scores], Array(8).fill(0), { ...config, nGroup: 1, topkGroup: 1 })[0]?.indices).toEqual([0, 2, 3, 5]);
  });

  it('B1: never lets an expert of an excluded group in, even when all biased scores are negative', () => {
    const scores = [0.9, 0.8, 0.3, 0.2].map(logit);
    const config = { ...plain(2, 4), nGroup: 2, topkGroup: 1 };
    expect(route([scores], [-1, -1, -1, -1], config)[0]?.indices).toEqual([0, 1]);
  });

  it('B2: reads the gates from the unbiased scores', () => {
    const [routed] = route([[0.6, 0.5, 0.4, 0.3].map(logit)], [0, 0, 0, 0.5], plain(2, 4));
    expect(routed?.indices).toEqual([0, 3]);
    expectAllClose(routed!.weights, [2 / 3, 1 / 3], rtol);
  });

  it('B3: does not lose tiny affinities next to a large bias', () => {
    const [routed] = route([[-18, -17]], [12, 12], plain(2, 2));
    expectAllClose(routed!.weights, [0.26894143, 0.73105854], rtol);
  });

  it('B4: gives finite gates and gradients when every affinity underflows to zero', () => {
    const [routed] = route([[-200, -200, -200, -200]], [0.4, 0.1, 0.3, 0.2], plain(2, 4));
    expect(routed).toEqual({ indices: [0, 2], weights: [0, 0] });
    const gradient = tf.tidy(() =>
      tf
        .grad((x) => routeTokens(x as tf.Tensor2D, tf.zeros([4]), plain(2, 4)).topkWeights.sum())(
          tf.tensor2d([[-200, -200, -200, -200]]),
        )
        .arraySync(),
    );
    expect(gradient).toEqual([[0, 0, 0, 0]]);
  });

  describe('property: for random logits and biases', () => {
    const [N, E, G, M, K] = [101, 35, 5, 2, 7];
    const config = { ...plain(K, E), nGroup: G, topkGroup: M, routedScalingFactor: 2.5 };
    const values = normalArray(N * E, 2, 3);
    const logits = Array.from({ length: N }, (_, n) => [...values.subarray(n * E, (n + 1) * E)]);
    const bias = normalArray(E, 0.5, 4).map((b) => b - 1);
    let routed: Selection[];
    beforeAll(() => {
      routed = route(logits, bias, config);
    });

    it('gates sum to the scaling factor', () => {
      // Seven float32 numbers.
      for (const { weights } of routed) expect(weights.reduce((a, b) => a + b)).toBeCloseTo(2.5, 5);
    });

    it('every token has exactly K distinct experts, in at most topkGroup groups', () => {
      for (const { indices } of routed) {
        expect(new Set(indices).size).toBe(K);
        expect(new Set(indices.map((e) => Math.floor(e / (E / G)))).size).toBeLessThanOrEqual(M);
      }
    });

    it('a common shift of the bias changes nothing', () => {
      expect(
        route(
          logits,
          bias.map((b) => b + 1),
          config,
        ).map(({ indices }) => indices),
      ).toEqual(routed.map(({ indices }) => indices));
    });
  });

  it('gradient: reaches the logits of selected experts only, and follows finite differences', () => {
    const [N, E] = [3, 7];
    const config = { ...plain(3, E), routedScalingFactor: 2.5 };
    const x = tf.tensor2d(
      Array.from({ length: N * E }, (_, i) => 0.3 * ((5 * i) % E) - 0.9 + 0.1 * Math.floor(i / E)),
      [N, E],
    );
    const upstream = tf.tensor2d(normalArray(N * 3, 1, 9), [N, 3]);
    const bias = tf.zeros<tf.Rank.R1>([E]);
    const objective = (logits: tf.Tensor) =>
      tf.sum(tf.mul(routeTokens(logits as tf.Tensor2D, bias, config).topkWeights, upstream));
    const gradient = tf.tidy(() => tf.grad(objective)(x).dataSync());
    const valueAt = (values: Float32Array) => tf.tidy(() => objective(tf.tensor2d(values, [N, E])).dataSync()[0]!);
    const h = 1e-2; // far below 0.3, the gap between the logits of a token; float32 gives about four digits
    const base = Float32Array.from(x.dataSync());
    const numeric = base.map((_, i) => {
      const [up, down] = [base.slice(), base.slice()];
      up[i]! += h;
      down[i]! -= h;
      return (valueAt(up) - valueAt(down)) / (2 * h);
    });
    expectAllClose(gradient, numeric, { rtol: 1e-3, atol: 1e-3 });
    expect(gradient.filter((g) => g !== 0)).toHaveLength(N * 3);
    tf.dispose([x, upstream, bias]);
  });

  it('softmax affinities without normalisation are the gates of DeepSeek-V2', () => {
    const config: RouterConfig = {
      ...plain(2, 3),
      scoringFunc: 'softmax',
      normTopkProb: false,
      routedScalingFactor: 16,
    };
    const [routed] = route([[0, Math.log(2), Math.log(5)]], [0, 0, 0], config);
    expect(routed?.indices).toEqual([1, 2]);
    expectAllClose(routed!.weights, [4, 10], rtol);
  });

  it('a multiplicative bias scales scores for selection only', () => {
    const config: RouterConfig = { ...plain(2, 3), expertBiasForm: 'multiplicative' };
    const [routed] = route([[0.8, 0.6, 0.2].map(logit)], [0.5, 1, 3], config);
    expect(routed?.indices).toEqual([1, 2]);
    expectAllClose(routed!.weights, [0.75, 0.25], rtol);
  });

  it('leak: keeps no tensor alive', () => {
    const logits = tf.tensor2d([[1, 2, 3]]);
    const bias = tf.tensor1d([0, 0, 0]);
    const before = tf.memory().numTensors;
    tf.tidy(() => void routeTokens(logits, bias, plain(2, 3)));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([logits, bias]);
  });
});
