// Every differentiable op of src/ops, the embedding, and the expert and balance formulas on top of them, on ragged
// sizes: 1, primes, and more than a thousand elements (more than one work group, more than a tile).

import { rotaryTables } from '../../src/layers/rotary-embedding.ts';
import { type BalanceLossOptions, balanceLoss } from '../../src/moe/balance-loss.ts';
import { balanceLossOp } from '../../src/ops/balance-loss.ts';
import { denseExperts } from '../../src/ops/dense-experts.ts';
import { fakeQuantize, fakeQuantizeOp } from '../../src/ops/fake-quantize.ts';
import { cachedMlaAttention, cachedMlaAttentionOp } from '../../src/ops/cached-mla-attention.ts';
import { fp8CachedExperts, fp8CachedExpertsOp } from '../../src/ops/fp8-cached-experts.ts';
import { fp8Experts, fp8ExpertsOp } from '../../src/ops/fp8-experts.ts';
import { fp8Linear, fp8LinearOp } from '../../src/ops/fp8-linear.ts';
import { fp8SwigluLinear, fp8SwigluLinearOp } from '../../src/ops/fp8-swiglu-linear.ts';
import { groupedMatMul, groupedMatMulOp } from '../../src/ops/grouped-matmul.ts';
import { linear, linearOp } from '../../src/ops/linear.ts';
import { linearCrossEntropy, linearCrossEntropyOp } from '../../src/ops/linear-cross-entropy.ts';
import { attentionVisibility, mlaAttention, mlaAttentionOp } from '../../src/ops/mla-attention.ts';
import { quantizedMatMul, quantizedMatMulOp } from '../../src/ops/quantized-matmul.ts';
import { addRmsNorm, addRmsNormOp, rmsNorm, rmsNormOp } from '../../src/ops/rms-norm.ts';
import { applyRotary, applyRotaryOp } from '../../src/ops/rotary.ts';
import { routedExperts, routedExpertsOp } from '../../src/ops/routed-experts.ts';
import {
  countSelections,
  countSelectionsOp,
  gateWeightsOp,
  type RouterConfig,
  routeTokens,
  selectExpertsOp,
} from '../../src/ops/router.ts';
import { swiglu, swigluOp } from '../../src/ops/swiglu.ts';
import type { Quantizer } from '../../src/precision/quantize.ts';
import { e5m6Tile, type Fp8Recipe, fp8Recipe } from '../../src/precision/recipe.ts';
import { createRandom, deriveSeed } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { nanoModel } from '../train/nano.ts';
import { constant, input, type OpCase } from './op-case.ts';

/** Integers below `limit`, repeatable. */
function integers(name: string, size: number, limit: number): number[] {
  const random = createRandom(deriveSeed(name));
  return Array.from({ length: size }, () => Math.floor(random() * limit));
}

/** K different experts for each of N tokens. */
function selections(N: number, K: number, E: number): tf.Tensor2D {
  const first = integers('selections', N, E);
  const ids = first.flatMap((expert, n) => Array.from({ length: K }, (_, k) => (expert + k * (1 + (n % 2))) % E));
  return tf.tensor2d(ids, [N, K], 'int32');
}

/** Position in a row of each document's tokens: documents of 1, 2, 3, ... tokens, shifted from row to row. */
function documents(B: number, T: number): tf.Tensor2D {
  const ids = Array.from({ length: B * T }, (_, i) => Math.floor(Math.sqrt(2 * ((i % T) + Math.floor(i / T)))));
  return tf.tensor2d(ids, [B, T], 'int32');
}

const rmsNormCases = [
  [1, 1],
  [3, 7],
  [2, 3, 5],
  [31, 37],
].map(
  (shape): OpCase => ({
    title: `rmsNorm of [${shape}]`,
    ops: [rmsNormOp],
    build: () => {
      const [x, weight] = [input('x', shape), input<tf.Rank.R1>('weight', [shape.at(-1)!])];
      return { inputs: [x, weight], output: () => rmsNorm(x, weight, 1e-6) };
    },
  }),
);

const linearCases = [
  [1, 1, 1],
  [3, 5, 7],
  [67, 37, 83],
  [1021, 17, 13],
].map(
  ([N, I, O]): OpCase => ({
    title: `linear of [${N},${I}] to [${N},${O}]`,
    ops: [linearOp],
    build: () => {
      const [x, weight] = [input<tf.Rank.R2>('x', [N!, I!]), input<tf.Rank.R2>('weight', [O!, I!])];
      return { inputs: [x, weight], output: () => linear(x, weight) };
    },
  }),
);

const addRmsNormCases = [
  [1, 1],
  [2, 3, 5],
  [31, 37],
].map(
  (shape): OpCase => ({
    title: `addRmsNorm of [${shape}]`,
    ops: [addRmsNormOp],
    build: () => {
      const [x, residual] = [input('x', shape), input('residual', shape)];
      const weight = input<tf.Rank.R1>('weight', [shape.at(-1)!]);
      const output = () => {
        const { sum, normed } = addRmsNorm<tf.Tensor>(x, residual, weight, 1e-6);
        return tf.concat([sum, normed], 0);
      };
      return { inputs: [x, residual, weight], output };
    },
  }),
);

const swigluCases = [[1, 1] as const, [3, 7] as const, [29, 41] as const].map(
  ([N, F]): OpCase => ({
    title: `swiglu of [${N},${F}]`,
    ops: [swigluOp],
    build: () => {
      const [gate, up] = [input<tf.Rank.R2>('gate', [N, F], 2), input<tf.Rank.R2>('up', [N, F])];
      return { inputs: [gate, up], output: () => swiglu(gate, up) };
    },
  }),
);

const rotaryCases = [
  { B: 1, T: 1, H: 1, W: 2, R: 2 },
  { B: 2, T: 5, H: 3, W: 7, R: 4 },
  { B: 3, T: 11, H: 5, W: 13, R: 6 },
  { B: 2, T: 17, H: 2, W: 41, R: 24 },
].flatMap(({ B, T, H, W, R }) =>
  [true, false].map(
    (ropeInterleave): OpCase => ({
      title: `applyRotary of [${[B, T, H, W]}], ${R} channels as ${ropeInterleave ? 'neighbours' : 'halves'}`,
      ops: [applyRotaryOp],
      build: () => {
        const x = input<tf.Rank.R4>('x', [B, T, H, W]);
        // Longer than the sequence, as in a model.
        const tables = rotaryTables({ ...nanoModel, qkRopeHeadDim: R, ropeInterleave }, T + 2);
        return { inputs: [x], output: () => applyRotary(x, tables) };
      },
    }),
  ),
);

const attentionCases = [
  { B: 1, T: 1, H: 1, P: 1, R: 2, V: 1 },
  { B: 2, T: 5, H: 3, P: 7, R: 4, V: 11 },
  { B: 2, T: 23, H: 3, P: 7, R: 4, V: 11 },
  // Around the sizes of tiles and panels, and with whole panels of channels.
  ...[15, 16, 17, 33, 130].map((T) => ({ B: 1, T, H: 2, P: 16, R: 6, V: 17 })),
].flatMap(({ B, T, H, P, R, V }) =>
  ['causal', 'document', 'causal, cached', 'document, cached'].map(
    (kind): OpCase => ({
      title: `mlaAttention of ${B} x ${T} tokens, ${H} heads of ${P}+${R} and ${V}, ${kind}`,
      isStep: kind.endsWith('cached'), // its gradient reads the output in E5M6
      ops: [kind.endsWith('cached') ? cachedMlaAttentionOp : mlaAttentionOp],
      build: () => {
        const q = input<tf.Rank.R4>('q', [B, T, H, P + R]);
        const kv = input<tf.Rank.R4>('kv', [B, T, H, P + V]);
        const kRope = input<tf.Rank.R3>('kRope', [B, T, R]);
        const visibility = attentionVisibility(T, kind.startsWith('causal') ? null : documents(B, T));
        const attend = kind.endsWith('cached') ? cachedMlaAttention : mlaAttention;
        return { inputs: [q, kv, kRope], output: () => attend(q, kv, kRope, visibility, (P + R) ** -0.5) };
      },
    }),
  ),
);

const groupedCases = [
  { counts: [1], I: 1, O: 1 },
  { counts: [5], I: 3, O: 2 },
  { counts: [0, 3, 0, 1, 7], I: 5, O: 3 },
  { counts: [97, 0, 3, 1, 0], I: 11, O: 13 },
  // Rows in several blocks, and sums longer than a panel is deep.
  { counts: [0, 601, 2], I: 7, O: 5 },
  { counts: [3, 0, 2], I: 263, O: 19 },
].map(
  ({ counts, I, O }): OpCase => ({
    title: `groupedMatMul of ${counts.join('+')} rows, ${I} to ${O}`,
    ops: [groupedMatMulOp],
    build: () => {
      const M = counts.reduce((a, b) => a + b, 0);
      const [x, weight] = [input<tf.Rank.R2>('x', [M, I]), input<tf.Rank.R3>('weight', [counts.length, O, I])];
      return { inputs: [x, weight], output: () => groupedMatMul(x, weight, Int32Array.from(counts)) };
    },
  }),
);

const e5m2Gradients: Fp8Recipe = { ...fp8Recipe, gradients: { ...fp8Recipe.gradients, format: 'e5m2' } };
const wholeMatrix: Quantizer = { format: 'e5m2', rows: Infinity, columns: Infinity };

const quantizeCases = [
  { counts: [1], C: 1, quantizer: fp8Recipe.activations },
  { counts: [7], C: 13, quantizer: fp8Recipe.activations },
  { counts: [61], C: 37, quantizer: fp8Recipe.weights },
  { counts: [17, 0, 3, 41], C: 19, quantizer: { format: 'e4m3', rows: 16, columns: 1 } as const },
  { counts: [17, 0, 3, 41], C: 19, quantizer: fp8Recipe.weights },
  { counts: [23, 29], C: 31, quantizer: wholeMatrix },
  { counts: [257], C: 131, quantizer: { format: 'e5m2', rows: 1, columns: 16 } as const },
  { counts: [19], C: 37, quantizer: e5m6Tile },
].map(
  ({ counts, C, quantizer }): OpCase => ({
    title: `fakeQuantize of ${counts.join('+')} rows of ${C}, ${quantizer.format} in ${quantizer.rows} x ${quantizer.columns}`,
    ops: [fakeQuantizeOp],
    build: () => {
      const x = constant<tf.Rank.R2>('x', [counts.reduce((a, b) => a + b, 0), C]);
      const scale = input<tf.Rank.R1>('scale', [C]); // a constant has no gradient; that of what it multiplies is its own sum
      const rounded = () => fakeQuantize(x, quantizer, counts);
      const outputOfInputs = () => {
        const once = rounded();
        return () => tf.mul(once, scale);
      };
      return { inputs: [scale], output: () => tf.mul(rounded(), scale), outputOfInputs };
    },
  }),
);

const quantizedCases = [
  { counts: [1], I: 1, O: 1 },
  { counts: [5], I: 3, O: 2 },
  { counts: [0, 3, 0, 1, 7], I: 5, O: 3 },
  { counts: [97, 0, 23, 1], I: 37, O: 19 },
  { counts: [263], I: 41, O: 67 },
  { counts: [17], I: 7, O: 5, recipe: { activations: wholeMatrix, weights: wholeMatrix, gradients: wholeMatrix } },
].map(
  ({ counts, I, O, recipe = fp8Recipe }): OpCase => ({
    title: `quantizedMatMul of ${counts.join('+')} rows, ${I} to ${O}${recipe === fp8Recipe ? '' : ', per tensor'}`,
    isStep: true,
    ops: [quantizedMatMulOp],
    build: () => {
      const M = counts.reduce((a, b) => a + b, 0);
      const [x, weight] = [input<tf.Rank.R2>('x', [M, I]), input<tf.Rank.R3>('weight', [counts.length, O, I])];
      return { inputs: [x, weight], output: () => quantizedMatMul(x, weight, Int32Array.from(counts), recipe) };
    },
  }),
);

const fp8LinearCases = [
  { N: 1, I: 1, O: 1 },
  { N: 5, I: 19, O: 2 },
  { N: 67, I: 37, O: 19 },
  { N: 33, I: 16, O: 48 },
  { N: 263, I: 41, O: 67 },
  { N: 37, I: 23, O: 19, recipe: e5m2Gradients },
  { N: 67, I: 37, O: 19, recipe: { ...fp8Recipe, cached: e5m6Tile } },
].map(
  ({ N, I, O, recipe = fp8Recipe }): OpCase => ({
    title: `fp8Linear of [${N},${I}] to ${O}${recipe === fp8Recipe ? '' : recipe === e5m2Gradients ? ', gradients in E5M2' : ', kept in E5M6'}`,
    isStep: true,
    ops: [fp8LinearOp],
    build: () => {
      const [x, weight] = [input<tf.Rank.R2>('x', [N, I]), input<tf.Rank.R2>('weight', [O, I])];
      return { inputs: [x, weight], output: () => fp8Linear(x, weight, recipe) };
    },
  }),
);

const fp8SwigluLinearCases = [
  { N: 1, I: 1, O: 1 },
  { N: 67, I: 37, O: 19 },
  { N: 263, I: 48, O: 67 },
  { N: 37, I: 23, O: 19, recipe: e5m2Gradients },
].map(
  ({ N, I, O, recipe = fp8Recipe }): OpCase => ({
    title: `fp8SwigluLinear of [${N},${I}] to ${O}${recipe === fp8Recipe ? '' : ', gradients in E5M2'}`,
    isStep: true,
    ops: [fp8SwigluLinearOp],
    build: () => {
      const [gate, up] = [input<tf.Rank.R2>('gate', [N, I], 2), input<tf.Rank.R2>('up', [N, I])];
      const weight = input<tf.Rank.R2>('weight', [O, I]);
      return { inputs: [gate, up, weight], output: () => fp8SwigluLinear(gate, up, weight, recipe) };
    },
  }),
);

const fp8ExpertCases = [
  { N: 1, E: 2, K: 1, D: 1, F: 1 },
  { N: 5, E: 7, K: 3, D: 3, F: 2 },
  { N: 43, E: 5, K: 2, D: 29, F: 11 },
  { N: 61, E: 4, K: 2, D: 48, F: 33, recipe: e5m2Gradients },
  { N: 5, E: 6, K: 2, D: 19, F: 17, select: crowded },
  { N: 601, E: 3, K: 1, D: 7, F: 5, select: crowded },
].flatMap(({ N, E, K, D, F, select = selections, recipe = fp8Recipe }) =>
  (['fp8Experts', 'fp8CachedExperts'] as const).map(
    (name): OpCase => ({
      title: `${name}, ${K} of ${E} for ${N} tokens, width ${D} and ${F}${select === crowded ? ', all the same' : ''}`,
      isStep: true,
      ops: [name === 'fp8Experts' ? fp8ExpertsOp : fp8CachedExpertsOp],
      build: () => {
        const x = input<tf.Rank.R2>('x', [N, D]);
        const topkWeights = input<tf.Rank.R2>('gates', [N, K]);
        const gateUpProj = input<tf.Rank.R3>('gateUp', [E, 2 * F, D], D ** -0.5);
        const downProj = input<tf.Rank.R3>('down', [E, D, F]);
        const routing = { topkIndices: select(N, K, E), topkWeights };
        const experts = name === 'fp8Experts' ? fp8Experts : fp8CachedExperts;
        const output = () => experts(x, routing, gateUpProj, downProj, recipe);
        return { inputs: [x, topkWeights, gateUpProj, downProj], output };
      },
    }),
  ),
);

const routers: Readonly<Record<string, Partial<RouterConfig>>> = {
  'without groups': { nGroup: 1, topkGroup: 1, numExpertsPerTok: 5 },
  'within 2 of 4 groups': {},
  'every expert within reach': { numExpertsPerTok: 6 },
  'not normalised': { normTopkProb: false },
  softmax: { scoringFunc: 'softmax' },
  'multiplicative bias': { expertBiasForm: 'multiplicative' },
};

const routerCases = Object.entries(routers).flatMap(([name, changes]) =>
  [1, 5, 97].map(
    (N): OpCase => ({
      title: `routeTokens of ${N} tokens to 12 experts, ${name}`,
      ops: [selectExpertsOp, gateWeightsOp],
      build: () => {
        const config = { ...nanoModel, nRoutedExperts: 12, nGroup: 4, topkGroup: 2, numExpertsPerTok: 3, ...changes };
        const logits = input<tf.Rank.R2>('logits', [N, 12]);
        // Wide enough that score + bias is often negative, where 0 in place of -Infinity would win.
        const bias = constant<tf.Rank.R1>('bias', [12], 0.7);
        return {
          inputs: [logits],
          output: () => routeTokens(logits, bias, config).topkWeights,
          exact: () => routeTokens(logits, bias, config).topkIndices,
        };
      },
    }),
  ),
);

const crossEntropyCases = [
  { N: 1, D: 1, V: 2, std: 1 },
  { N: 3, D: 5, V: 7, std: 1 },
  { N: 31, D: 37, V: 41, std: 0.3 },
  { N: 1, D: 3, V: 131, std: 1 },
  { N: 257, D: 5, V: 131, std: 1 },
  // Logits up to hundreds: probabilities underflow.
  { N: 7, D: 11, V: 13, std: 10 },
].map(
  ({ N, D, V, std }): OpCase => ({
    title: `linearCrossEntropy of [${N},${D}] over ${V} tokens, weights of size ${std}`,
    ops: [linearCrossEntropyOp],
    build: () => {
      const [hidden, weight] = [input<tf.Rank.R2>('hidden', [N, D]), input<tf.Rank.R2>('weight', [V, D], std)];
      const ids = integers('labels', N, V)
        .with(0, V - 1)
        .with(-1, 0); // both ends of the vocabulary
      const labels = tf.tensor1d(ids, 'int32');
      return { inputs: [hidden, weight], output: () => linearCrossEntropy(hidden, weight, labels) };
    },
  }),
);

/** Labels with weights: a kernel meets them as the gradient of its losses. Every third does not count. */
const weightedCrossEntropyCases = [
  { N: 7, D: 5, V: 11 },
  { N: 257, D: 19, V: 131 },
].map(
  ({ N, D, V }): OpCase => ({
    title: `linearCrossEntropy of [${N},${D}] over ${V} tokens, times weights`,
    build: () => {
      const [hidden, weight] = [input<tf.Rank.R2>('hidden', [N, D]), input<tf.Rank.R2>('weight', [V, D])];
      const labels = tf.tensor1d(integers('labels', N, V), 'int32');
      const weights = tf.tensor1d(Array.from({ length: N }, (_, n) => (n % 3) * 0.3));
      return { inputs: [hidden, weight], output: () => tf.mul(linearCrossEntropy(hidden, weight, labels), weights) };
    },
  }),
);

const embeddingCases = [
  { V: 1, D: 1, ids: [1] },
  { V: 5, D: 1, ids: [7] },
  { V: 11, D: 7, ids: [3, 13] },
  { V: 131, D: 37, ids: [1009] },
].map(
  ({ V, D, ids }): OpCase => ({
    title: `embedding of [${ids}] ids among ${V} rows of ${D}`,
    build: () => {
      const weight = input<tf.Rank.R2>('weight', [V, D]);
      const size = ids.reduce((a, b) => a * b, 1);
      const indices = tf.tensor(integers('ids', size, V).with(0, V - 1), ids, 'int32');
      return { inputs: [weight], output: () => tf.gather(weight, indices) };
    },
  }),
);

/** All tokens choose the same K experts, the last ones. */
function crowded(N: number, K: number, E: number): tf.Tensor2D {
  return tf.tensor2d(
    Array.from({ length: N * K }, (_, i) => E - 1 - (i % K)),
    [N, K],
    'int32',
  );
}

const expertCases = [
  { N: 1, E: 2, K: 1, D: 1, F: 1 },
  { N: 5, E: 7, K: 3, D: 3, F: 2 },
  { N: 43, E: 5, K: 2, D: 29, F: 11 },
  { N: 13, E: 3, K: 3, D: 5, F: 7 },
  { N: 7, E: 3, K: 1, D: 263, F: 131 },
  { N: 5, E: 6, K: 2, D: 3, F: 2, select: crowded },
  { N: 601, E: 3, K: 1, D: 7, F: 5, select: crowded },
].flatMap(({ N, E, K, D, F, select = selections }) =>
  ['sparse', 'dense'].map(
    (form): OpCase => ({
      title: `${form} experts, ${K} of ${E} for ${N} tokens, width ${D} and ${F}${select === crowded ? ', all the same' : ''}`,
      ops: form === 'sparse' ? [routedExpertsOp] : [swigluOp],
      build: () => {
        const x = input<tf.Rank.R2>('x', [N, D]);
        const topkWeights = input<tf.Rank.R2>('gates', [N, K]);
        const gateUpProj = input<tf.Rank.R3>('gateUp', [E, 2 * F, D], D ** -0.5);
        const downProj = input<tf.Rank.R3>('down', [E, D, F]);
        const routing = { topkIndices: select(N, K, E), topkWeights };
        const sparse = () => routedExperts(x, routing, gateUpProj, downProj);
        const dense = () => denseExperts(x, routing, gateUpProj, downProj);
        const output = form === 'sparse' ? sparse : dense;
        return { inputs: [x, topkWeights, gateUpProj, downProj], output, reference: sparse };
      },
    }),
  ),
);

const countCases = [
  { N: 1, K: 1, E: 2 },
  { N: 997, K: 3, E: 7 },
].map(
  ({ N, K, E }): OpCase => ({
    title: `countSelections of ${N} x ${K} among ${E}`,
    ops: [countSelectionsOp],
    build: () => {
      const topkIndices = selections(N, K, E);
      const x = input<tf.Rank.R1>('x', [E]); // a constant has no gradient; that of what it multiplies is the counts
      return { inputs: [x], output: () => tf.mul(x, countSelections(topkIndices, E)) };
    },
  }),
);

const balanceOptions: readonly BalanceLossOptions[] = [
  { scope: 'sequence', selection: 'affinity' },
  { scope: 'sequence', selection: 'dispatch' },
  { scope: 'batch', selection: 'dispatch' },
];

const balanceCases = [
  { sequences: 1, tokens: 1, E: 3 },
  { sequences: 3, tokens: 5, E: 7 },
  { sequences: 5, tokens: 19, E: 11 },
].flatMap(({ sequences, tokens, E }) =>
  balanceOptions.flatMap((options) =>
    (['sigmoid', 'softmax'] as const).map(
      (scoringFunc): OpCase => ({
        title: `balanceLoss of ${sequences} x ${tokens} tokens, ${E} experts, ${options.scope}, ${options.selection}, ${scoringFunc}`,
        ops: [balanceLossOp],
        build: () => {
          const logits = input<tf.Rank.R2>('logits', [sequences * tokens, E], 2);
          const topkIndices = selections(sequences * tokens, 2, E);
          const record = { layer: 0, logits, topkIndices, sequences };
          return {
            inputs: [logits],
            output: () => balanceLoss(record, { scoringFunc, numExpertsPerTok: 2 }, options),
          };
        },
      }),
    ),
  ),
);

export const opCases: readonly OpCase[] = [
  ...linearCases,
  ...rmsNormCases,
  ...addRmsNormCases,
  ...swigluCases,
  ...rotaryCases,
  ...attentionCases,
  ...groupedCases,
  ...quantizeCases,
  ...quantizedCases,
  ...fp8LinearCases,
  ...fp8SwigluLinearCases,
  ...fp8ExpertCases,
  ...routerCases,
  ...crossEntropyCases,
  ...weightedCrossEntropyCases,
  ...embeddingCases,
  ...expertCases,
  ...countCases,
  ...balanceCases,
];
