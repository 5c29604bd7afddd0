// What is particular to the engine's kernels for a mixture of experts: ties, numbers that are none, bad indices,
// threads.

import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { balanceLoss } from '../../src/moe/balance-loss.ts';
import { groupedMatMul } from '../../src/ops/grouped-matmul.ts';
import { routedExperts } from '../../src/ops/routed-experts.ts';
import { countSelections, type RouterConfig, routeTokens } from '../../src/ops/router.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { type CaseNumbers, constant, input, type OpCase, runCase } from '../ops/op-case.ts';
import { nanoModel } from '../train/nano.ts';

beforeEach(async () => void (await activateBackend('engine', { threads: 2 })));

const router = (changes: Partial<RouterConfig>): RouterConfig => ({
  ...nanoModel,
  nRoutedExperts: 12,
  nGroup: 1,
  topkGroup: 1,
  numExpertsPerTok: 3,
  scoringFunc: 'sigmoid',
  expertBiasForm: 'additive',
  ...changes,
});

const select = (logits: number[][], config: RouterConfig) =>
  tf.tidy(() => routeTokens(tf.tensor2d(logits), tf.zeros([config.nRoutedExperts]), config).topkIndices.arraySync());

describe('routeTokens on the engine', () => {
  it('prefers the smaller index where scores are equal, saturated or 0 of either sign', () => {
    const rows = [
      Array(12).fill(0.5),
      Array.from({ length: 12 }, (_, e) => (e % 2 === 1 ? 30 + e : -1)), // all 1 in float32
      Array.from({ length: 12 }, (_, e) => (e < 9 ? -200 : -1)),
    ];
    expect(select(rows, router({}))).toEqual([
      [0, 1, 2],
      [1, 3, 5],
      [9, 10, 11],
    ]);
    const zeros = tf.tidy(() => {
      const bias = tf.tensor1d(Array.from({ length: 12 }, (_, e) => (e % 2 === 0 ? -0 : 0)));
      return routeTokens(tf.zeros([1, 12]), bias, router({ expertBiasForm: 'multiplicative' })).topkIndices.dataSync();
    });
    expect([...zeros]).toEqual([0, 1, 2]);
  });

  it('prefers the group with the smaller index too', () => {
    expect(select([Array(12).fill(0.5)], router({ nGroup: 4, topkGroup: 2, numExpertsPerTok: 6 }))).toEqual([
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  it.each([{}, { nGroup: 4, topkGroup: 2 }, { scoringFunc: 'softmax' } as const])(
    'chooses experts that are there, each once, when logits are NaN or infinite: %o',
    (changes) => {
      const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1];
      const logits = Array.from({ length: 64 }, (_, n) =>
        Array.from({ length: 12 }, (_, e) => strange[(n * (e + 1) + (n >> 2)) % 4]!),
      );
      logits.push(Array(12).fill(Number.NaN));
      for (const row of select(logits, router(changes))) {
        expect(new Set(row).size).toBe(3);
        for (const e of row) expect(e >= 0 && e < 12).toBe(true);
      }
    },
  );

  it('a NaN spoils the gates of its token, or is passed over, and leaves other tokens alone', () => {
    const values = Array.from({ length: 5 * 12 }, (_, i) => Math.sin(i));
    const whole = tf.tidy(() =>
      routeTokens(tf.tensor2d(values, [5, 12]), tf.zeros([12]), router({})).topkWeights.arraySync(),
    );
    values[2 * 12 + 7] = Number.NaN;
    const spoiled = tf.tidy(() =>
      routeTokens(tf.tensor2d(values, [5, 12]), tf.zeros([12]), router({})).topkWeights.arraySync(),
    );
    for (const n of [0, 1, 3, 4]) expect(spoiled[n]).toEqual(whole[n]);
  });
});

describe('routedExperts on the engine', () => {
  it.each([-1, 3])('says so when an index is out of range: %i of 3', (index) => {
    tf.tidy(() => {
      const routing = {
        topkIndices: tf.tensor2d([[0], [index]], [2, 1], 'int32'),
        topkWeights: tf.ones<tf.Rank.R2>([2, 1]),
      };
      expect(() => routedExperts(tf.ones([2, 5]), routing, tf.ones([3, 4, 5]), tf.ones([3, 5, 2]))).toThrow(
        'expected indices of 3 experts',
      );
    });
  });

  it('keeps NaN in the tokens it belongs to', () => {
    const rows = tf.tidy(() => {
      const x = tf.tensor2d(
        Array.from({ length: 7 * 5 }, (_, i) => (i === 17 ? Number.NaN : i / 35)),
        [7, 5],
      );
      const indices = tf.tensor2d([0, 1, 2, 0, 1, 2, 0], [7, 1], 'int32');
      const routing = { topkIndices: indices, topkWeights: tf.ones<tf.Rank.R2>([7, 1]) };
      return routedExperts(x, routing, constant('gateUp', [3, 4, 5]), constant('down', [3, 5, 2])).arraySync();
    });
    for (const [n, row] of rows.entries()) expect(row.every(Number.isNaN)).toBe(n === 3);
  });
});

/** Sizes of many chunks, one expert with half of all rows, one with none. */
const [N, D, F, E, K] = [401, 67, 43, 9, 2];

const chosen = () => {
  const ids = Array.from({ length: N }, (_, n) => [0, 1 + ((n * n) % (E - 2))]);
  return tf.tensor2d(ids.flat(), [N, K], 'int32');
};

/** So many experts with so few rows each that a chunk takes several panels of columns, or all; some have no row. */
const manyExperts: readonly OpCase[] = [40, 150].flatMap((experts): OpCase[] => [
  {
    title: `routedExperts, ${experts} experts`,
    build: () => {
      const [x, topkWeights] = [input<tf.Rank.R2>('x', [90, 84]), input<tf.Rank.R2>('gates', [90, K])];
      const [gateUp, down] = [
        input<tf.Rank.R3>('gateUp', [experts, 2 * 52, 84], 0.1),
        input<tf.Rank.R3>('down', [experts, 84, 52], 0.1),
      ];
      const ids = Array.from({ length: 90 }, (_, n) => [(7 * n) % experts, (7 * n + 1 + (n % 5)) % experts]);
      const routing = { topkIndices: tf.tensor2d(ids.flat(), [90, K], 'int32'), topkWeights };
      return { inputs: [x, topkWeights, gateUp, down], output: () => routedExperts(x, routing, gateUp, down) };
    },
  },
  {
    title: `groupedMatMul, ${experts} experts`,
    build: () => {
      const counts = Int32Array.from({ length: experts }, (_, e) => e % 4);
      const rows = counts.reduce((a, b) => a + b, 0);
      const [x, weight] = [input<tf.Rank.R2>('x', [rows, 84]), input<tf.Rank.R3>('weight', [experts, 116, 84])];
      return { inputs: [x, weight], output: () => groupedMatMul(x, weight, counts) };
    },
  },
]);

const largeCases: readonly OpCase[] = [
  {
    title: 'routedExperts',
    build: () => {
      const [x, topkWeights] = [input<tf.Rank.R2>('x', [N, D]), input<tf.Rank.R2>('gates', [N, K])];
      const [gateUp, down] = [
        input<tf.Rank.R3>('gateUp', [E, 2 * F, D], 0.1),
        input<tf.Rank.R3>('down', [E, D, F], 0.1),
      ];
      const routing = { topkIndices: chosen(), topkWeights };
      return { inputs: [x, topkWeights, gateUp, down], output: () => routedExperts(x, routing, gateUp, down) };
    },
  },
  {
    title: 'groupedMatMul',
    build: () => {
      const [x, weight] = [input<tf.Rank.R2>('x', [N, D]), input<tf.Rank.R3>('weight', [3, F, D])];
      return { inputs: [x, weight], output: () => groupedMatMul(x, weight, Int32Array.of(1, 0, N - 1)) };
    },
  },
  {
    title: 'routeTokens and countSelections',
    build: () => {
      const [logits, bias] = [input<tf.Rank.R2>('logits', [N, 36]), constant<tf.Rank.R1>('bias', [36], 0.3)];
      const config = router({ nRoutedExperts: 36, nGroup: 6, topkGroup: 3, numExpertsPerTok: 5 });
      return {
        inputs: [logits],
        output: () => routeTokens(logits, bias, config).topkWeights,
        exact: () => {
          const { topkIndices } = routeTokens(logits, bias, config);
          return tf.concat([topkIndices.flatten(), countSelections(topkIndices, 36).toInt()]);
        },
      };
    },
  },
  {
    title: 'balanceLoss',
    build: () => {
      const logits = input<tf.Rank.R2>('logits', [N, 36]);
      const record = { layer: 0, logits, topkIndices: chosen(), sequences: 1 };
      const config = { scoringFunc: 'sigmoid', numExpertsPerTok: K } as const;
      return { inputs: [logits], output: () => balanceLoss(record, config, { scope: 'batch', selection: 'affinity' }) };
    },
  },
  {
    title: 'swiglu',
    build: () => {
      const [gate, up] = [input<tf.Rank.R2>('gate', [N, D]), input<tf.Rank.R2>('up', [N, D])];
      return { inputs: [gate, up], output: () => swiglu(gate, up) };
    },
  },
];

/** A short name for the bits of a result: `toEqual` takes seconds for as many numbers. */
const bitsOf = ({ output, exact, grads }: CaseNumbers) =>
  [output, exact, ...grads].map((values) => createHash('sha256').update(values).digest('hex'));

describe('kernels of experts on the engine', () => {
  it.each(manyExperts.map((opCase) => [opCase.title, opCase] as const))(
    '%s: equal to the reference on cpu',
    async (_, opCase) => {
      const actual = await runCase(opCase);
      await activateBackend('cpu');
      const expected = await runCase(opCase, 'reference');
      // As in the conformance suite: sums of at most 168 terms, in another order.
      for (const [i, numbers] of [expected.output, ...expected.grads].entries()) {
        const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expectAllClose([actual.output, ...actual.grads][i]!, numbers, { rtol: 0, atol: 1e-5 * largest + 1e-6 });
      }
    },
  );

  it.each([...largeCases, ...manyExperts].map((opCase) => [opCase.title, opCase] as const))(
    '%s gives the same bits for 1, 2, 3 and 4 threads',
    async (_, opCase) => {
      await activateBackend('engine', { threads: 1 });
      const expected = bitsOf(await runCase(opCase));
      for (const threads of [2, 3, 4]) {
        await activateBackend('engine', { threads });
        // More than once: workers join in when they are ready.
        for (let time = 0; time < 5; time++) expect(bitsOf(await runCase(opCase))).toEqual(expected);
      }
    },
  );
});
