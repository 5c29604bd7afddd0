import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { type BalanceLossOptions, balanceLoss } from '../../src/moe/balance-loss.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

interface BalanceCase {
  readonly name: string;
  readonly numExpertsPerTok: number;
  readonly scores: number[][][]; // [S, L, E]
  readonly sequence: number;
  readonly sequenceGrad: number[][][];
  readonly batch: number;
  readonly batchGrad: number[][][];
}

const goldens = loadGoldenJson('balance.json').cases as BalanceCase[];
const affinity = (scope: BalanceLossOptions['scope']): BalanceLossOptions => ({ scope, selection: 'affinity' });

interface Input {
  readonly logits: number[][]; // [N, E]
  readonly topkIndices?: number[][];
  readonly sequences: number;
  readonly K: number;
  readonly scoringFunc?: 'sigmoid' | 'softmax';
}

/** The loss and its gradient in the logits. */
function evaluate({ logits, topkIndices, sequences, K, scoringFunc = 'sigmoid' }: Input, options: BalanceLossOptions) {
  return tf.tidy(() => {
    const indices = topkIndices ?? logits.map(() => Array.from({ length: K }, (_, k) => k));
    const f = (x: tf.Tensor) => {
      const record = {
        layer: 0,
        logits: x as tf.Tensor2D,
        topkIndices: tf.tensor2d(indices, undefined, 'int32'),
        sequences,
      };
      return balanceLoss(record, { scoringFunc, numExpertsPerTok: K }, options);
    };
    const { value, grad } = tf.valueAndGrad(f)(tf.tensor2d(logits));
    return { value: value.dataSync()[0]!, gradient: grad.dataSync() };
  });
}

const logit = (p: number) => Math.log(p / (1 - p));
const tolerance = { rtol: 1e-5, atol: 2e-6 }; // a softmax and a few sums in float32; the references are rounded to 8 digits

describe.each(['cpu', 'wasm', 'engine'] as const)('balanceLoss on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it.each(goldens)('golden: $name, per sequence and over the batch, with gradients', (golden) => {
    // An affinity of exactly 0 has no logit; 1e-30 is 0 in the sums of float32.
    const scores = golden.scores.flat().map((row) => row.map((s) => Math.max(s, 1e-30)));
    const input = { logits: scores.map((row) => row.map(logit)), sequences: golden.scores.length };
    for (const [scope, expected, gradient] of [
      ['sequence', golden.sequence, golden.sequenceGrad],
      ['batch', golden.batch, golden.batchGrad],
    ] as const) {
      const found = evaluate({ ...input, K: golden.numExpertsPerTok }, affinity(scope));
      expect(found.value).toBeCloseTo(expected, 5);
      const chained = gradient.flat(2).map((g, i) => g * scores.flat()[i]! * (1 - scores.flat()[i]!));
      expectAllClose(found.gradient, chained, tolerance);
    }
  });

  it('golden: the worked example of eq. 17-20 gives 1.105592', () => {
    const scores = [
      [0.9, 0.1, 0.5, 0.4],
      [0.8, 0.7, 0.2, 0.3],
      [0.2, 0.6, 0.9, 0.3],
      [0.4, 0.5, 0.8, 0.3],
    ];
    const logits = scores.map((row) => row.map(logit));
    expect(evaluate({ logits, sequences: 1, K: 2 }, affinity('sequence')).value).toBeCloseTo(1.105592, 5);
  });

  it('is 1 when all affinities are equal, whoever is selected', () => {
    const logits = Array.from({ length: 10 }, () => Array(7).fill(-3));
    for (const selection of ['affinity', 'dispatch'] as const) {
      for (const scope of ['sequence', 'batch'] as const) {
        expect(evaluate({ logits, sequences: 2, K: 3 }, { scope, selection }).value).toBeCloseTo(1, 5);
      }
    }
  });

  it('is E / K when the same K experts hold all the affinity', () => {
    const logits = Array.from({ length: 6 }, () => Array.from({ length: 7 }, (_, e) => (e < 2 ? 30 : -60)));
    expect(evaluate({ logits, sequences: 3, K: 2 }, affinity('sequence')).value).toBeCloseTo(7 / 2, 5);
  });

  it('B9: counts what the router dispatched, groups and bias included, where it balances alone', () => {
    const logits = [
      [2, 1, -1, -2],
      [1, 2, -2, -1],
    ];
    const topkIndices = [
      [2, 3],
      [3, 2],
    ]; // far from the plain top-2, as a bias can make it
    const input = { logits, topkIndices, sequences: 1, K: 2 };
    const P = meanNormalised(logits);
    const found = evaluate(input, { scope: 'batch', selection: 'dispatch' }).value;
    expect(found).toBeCloseTo(2 * (P[2]! + P[3]!), 5);
    expect(evaluate(input, affinity('batch')).value).toBeCloseTo(2 * (P[0]! + P[1]!), 5);
    expect(Math.abs(P[0]! + P[1]! - P[2]! - P[3]!)).toBeGreaterThan(0.1);
  });

  it('B10: stays at its maximum under collapse when all affinities shrink together, down to underflow', () => {
    for (const shift of [0, -20, -60, -150, -1e4]) {
      const logits = Array.from({ length: 4 }, () => Array.from({ length: 5 }, (_, e) => shift + (e === 1 ? 0 : -40)));
      const found = evaluate({ logits, sequences: 1, K: 1 }, affinity('sequence'));
      // Sigmoid is nearly exponential here, so the shares do not depend on the shift: 5 experts, 1 selected.
      expect(found.value).toBeCloseTo(5, 3);
      expect(found.gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it('B10: cannot be lowered by lowering all logits of an imbalanced router', () => {
    const base = normalArray(11 * 5, 2, 3);
    const at = (shift: number) => {
      const logits = Array.from({ length: 11 }, (_, n) => [...base.subarray(n * 5, n * 5 + 5)].map((x) => x + shift));
      return evaluate({ logits, sequences: 1, K: 2 }, affinity('sequence')).value;
    };
    for (const shift of [-30, -60, -120]) expect(at(shift)).toBeGreaterThanOrEqual(1);
  });

  it('gradient: pushes the affinity of overused experts down and that of unused ones up', () => {
    const logits = Array.from({ length: 5 }, () => [1, 0.5, 0, -0.5]);
    const { gradient } = evaluate({ logits, sequences: 1, K: 2 }, affinity('sequence'));
    for (const [i, g] of gradient.entries()) {
      if (i % 4 < 2) expect(g).toBeGreaterThan(0);
      else expect(g).toBeLessThan(0);
    }
  });

  it('uses softmax affinities as they are', () => {
    const logits = [[0, Math.log(2), Math.log(5)]];
    const found = evaluate({ logits, sequences: 1, K: 1, scoringFunc: 'softmax' }, affinity('batch')).value;
    expect(found).toBeCloseTo((3 * 5) / 8, 5);
  });
});

/** Mean over tokens of sigmoid affinities normalised over experts, in float64. */
function meanNormalised(logits: number[][]): number[] {
  const rows = logits.map((row) => row.map((x) => 1 / (1 + Math.exp(-x))));
  const normalised = rows.map((row) => row.map((s) => s / row.reduce((a, b) => a + b)));
  return normalised[0]!.map((_, e) => normalised.reduce((sum, row) => sum + row[e]!, 0) / rows.length);
}
