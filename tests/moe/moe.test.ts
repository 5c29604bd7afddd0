import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createExperts, type ExpertWeights } from '../../src/moe/experts.ts';
import { MixtureOfExperts, type RoutingRecord } from '../../src/moe/moe.ts';
import { denseExperts } from '../../src/ops/dense-experts.ts';
import { routedExperts } from '../../src/ops/routed-experts.ts';
import type { Routing } from '../../src/ops/router.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { ParameterStore } from '../../src/tensor/parameters.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { smallConfig } from '../model/small-model.ts';

const [B, T, N] = [2, 13, 26];
const { hiddenSize: D, moeIntermediateSize: F, numExpertsPerTok: K } = smallConfig;
const E = smallConfig.nRoutedExperts;

type Apply = (x: tf.Tensor2D, routing: Routing, weights: ExpertWeights) => tf.Tensor2D;
const applyExpertsSparse: Apply = (x, routing, { gateUpProj, downProj }) =>
  routedExperts(x, routing, gateUpProj, downProj);
const applyExpertsDense: Apply = (x, routing, { gateUpProj, downProj }) =>
  denseExperts(x, routing, gateUpProj, downProj);

const silu = (x: number) => x / (1 + Math.exp(-x));
const normalTensor = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number): tf.Tensor<R> =>
  tf.tensor<R>(
    normalArray(
      shape.reduce((a, b) => a * b, 1),
      1,
      seed,
    ),
    shape,
  );

/** Token n goes to experts n, n + 3, n + 6, ... modulo E - 1, so that the last expert gets nothing; uneven gates. */
function fixedRouting(): Routing {
  const indices = Array.from({ length: N }, (_, n) => Array.from({ length: K }, (_, k) => (n * n + 3 * k) % (E - 1)));
  const weights = Float32Array.from({ length: N * K }, (_, i) => 0.1 + (i % 7) / 7);
  return { topkIndices: tf.tensor2d(indices, [N, K], 'int32'), topkWeights: tf.tensor2d(weights, [N, K]) };
}

/** One SwiGLU expert on one row, in float64. */
function expertByHand(x: ArrayLike<number>, gateUp: ArrayLike<number>, down: ArrayLike<number>, e: number): number[] {
  const dot = (row: number) => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += x[d]! * gateUp[(e * 2 * F + row) * D + d]!;
    return sum;
  };
  const active = Array.from({ length: F }, (_, f) => silu(dot(f)) * dot(F + f));
  return Array.from({ length: D }, (_, d) => active.reduce((sum, a, f) => sum + a * down[(e * D + d) * F + f]!, 0));
}

describe.each(['cpu', 'wasm', 'engine'] as const)('routed experts on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it('sum what each selected expert returns, times its gate', () => {
    const store = new ParameterStore(5, 0.3);
    const weights = createExperts(store, 'experts', E, F, D);
    const x = normalTensor<tf.Rank.R2>([N, D], 1);
    const routing = fixedRouting();
    const [rows, gateUp, down] = [x, weights.gateUpProj, weights.downProj].map((t) => t.dataSync());
    const [indices, gates] = [routing.topkIndices, routing.topkWeights].map((t) => t.dataSync());
    const expected = Array.from({ length: N }, (_, n) => {
      const outputs = Array.from({ length: K }, (_, k) =>
        expertByHand(rows!.subarray(n * D, (n + 1) * D), gateUp!, down!, indices![n * K + k]!).map(
          (value) => value * gates![n * K + k]!,
        ),
      );
      return outputs.reduce((a, b) => a.map((value, d) => value + b[d]!));
    }).flat();
    for (const apply of [applyExpertsSparse, applyExpertsDense]) {
      const found = tf.tidy(() => apply(x, routing, weights).dataSync());
      expectAllClose(found, expected, { rtol: 1e-5, atol: 1e-5 }); // sums of 19 and 7 products in float32
    }
    tf.dispose([x, routing.topkIndices, routing.topkWeights]);
    store.dispose();
  });

  it('property: sparse and dense give the same values and gradients, none to an expert without tokens', () => {
    const store = new ParameterStore(6, 0.3);
    const weights = createExperts(store, 'experts', E, F, D);
    const routing = fixedRouting();
    const x = tf.variable(normalTensor<tf.Rank.R2>([N, D], 2));
    const gates = tf.variable(routing.topkWeights);
    const upstream = normalTensor<tf.Rank.R2>([N, D], 3);
    const variables = [x, gates, weights.gateUpProj, weights.downProj] as tf.Variable[];
    const run = (apply: typeof applyExpertsSparse) =>
      valueAndGrads(
        () => tf.sum(tf.mul(upstream, apply(x, { ...routing, topkWeights: gates }, weights))) as tf.Scalar,
        variables,
      );
    const [sparse, dense] = [run(applyExpertsSparse), run(applyExpertsDense)];
    expectAllClose(sparse.value.dataSync(), dense.value.dataSync(), { rtol: 1e-5, atol: 1e-4 }); // a sum of 494 numbers
    for (const [i, grad] of sparse.grads.entries()) {
      expectAllClose(grad.dataSync(), dense.grads[i]!.dataSync(), { rtol: 1e-4, atol: 1e-5 });
    }
    for (const grad of sparse.grads.slice(2)) {
      const values = grad.dataSync();
      expect(values.subarray((values.length / E) * (E - 1)).every((g) => g === 0)).toBe(true);
      expect(values.some((g) => g !== 0)).toBe(true);
    }
    tf.dispose([sparse.value, dense.value, ...sparse.grads, ...dense.grads, x, gates, upstream]);
    tf.dispose([routing.topkIndices, routing.topkWeights]);
    store.dispose();
  });
});

describe('MixtureOfExperts', () => {
  beforeAll(() => activateBackend('wasm'));

  const layerOf = (changes: Partial<typeof smallConfig> = {}) => {
    const store = new ParameterStore(7, 0.3);
    return { store, moe: new MixtureOfExperts(store, 'mlp', { ...smallConfig, ...changes }, 1) };
  };

  function run(moe: MixtureOfExperts, x: tf.Tensor3D) {
    const records: RoutingRecord[] = [];
    const out = tf.tidy(() => moe.apply(x, (record) => records.push(record)).dataSync());
    return { out, records };
  }

  it('property: equal experts give the scaling factor times one expert, whoever is selected', () => {
    const { store, moe } = layerOf({ nSharedExperts: 0 });
    tf.tidy(() => {
      for (const stacked of [moe.experts.gateUpProj, moe.experts.downProj]) {
        stacked.assign(tf.tile(tf.slice(stacked, [0, 0, 0], [1, -1, -1]), [E, 1, 1]));
      }
    });
    const x = normalTensor<tf.Rank.R3>([B, T, D], 4);
    const [rows, gateUp, down] = [x, moe.experts.gateUpProj, moe.experts.downProj].map((t) => t.dataSync());
    const expected = Array.from({ length: N }, (_, n) =>
      expertByHand(rows!.subarray(n * D, (n + 1) * D), gateUp!, down!, 0).map((value) => 2.5 * value),
    ).flat();
    expectAllClose(run(moe, x).out, expected, { rtol: 1e-5, atol: 1e-5 });
    x.dispose();
    store.dispose();
  });

  it('adds the shared experts with weight 1, one SwiGLU as wide as all of them', () => {
    const { store, moe } = layerOf({ nSharedExperts: 3 });
    tf.tidy(() => moe.experts.downProj.assign(tf.zerosLike(moe.experts.downProj)));
    expect(moe.sharedExperts?.gateProj.weight.shape).toEqual([3 * F, D]);
    const x = normalTensor<tf.Rank.R3>([B, T, D], 4);
    const alone = tf.tidy(() => moe.sharedExperts?.apply(tf.reshape(x, [N, D])).dataSync());
    expect(run(moe, x).out).toEqual(alone);
    expect(alone?.some((value) => Math.abs(value) > 0.1)).toBe(true);
    x.dispose();
    store.dispose();
  });

  it('records its layer, the logits and the selections of every token, K each', () => {
    const { store, moe } = layerOf();
    const x = normalTensor<tf.Rank.R3>([B, T, D], 4);
    tf.tidy(() => {
      const records: RoutingRecord[] = [];
      moe.apply(x, (record) => records.push(record));
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject({ layer: 1, sequences: B });
      expect(records[0]?.logits.shape).toEqual([N, E]);
      expect(records[0]?.topkIndices.shape).toEqual([N, K]);
    });
    x.dispose();
    store.dispose();
  });

  it('starts with a neutral bias, 0 when added and 1 when multiplied', () => {
    for (const [expertBiasForm, neutral] of [
      ['additive', 0],
      ['multiplicative', 1],
    ] as const) {
      const { store, moe } = layerOf({ expertBiasForm });
      expect([...moe.eScoreCorrectionBias.dataSync()]).toEqual(Array(E).fill(neutral));
      store.dispose();
    }
  });

  it('B7: does not move its bias in any number of forward passes', () => {
    const { store, moe } = layerOf();
    const x = normalTensor<tf.Rank.R3>([B, T, D], 4);
    const first = run(moe, x).out;
    expect(run(moe, x).out).toEqual(first);
    expect([...moe.eScoreCorrectionBias.dataSync()]).toEqual(Array(E).fill(0));
    x.dispose();
    store.dispose();
  });
});
