// Attention on the engine: sequences of several blocks of queries, the same bits for any number of threads, NaN,
// memory.

import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { attentionVisibility, mlaAttention } from '../../src/ops/mla-attention.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { createRandom, deriveSeed } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { type CaseNumbers, constant, input, type OpCase, runCase } from '../ops/op-case.ts';
import { expectSameBits } from './same-bits.ts';

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly H: number;
  readonly P: number;
  readonly R: number;
  readonly V: number;
}

/** Documents of random lengths up to 40; ids come back later in the row. */
function randomDocuments(B: number, T: number): tf.Tensor2D {
  const random = createRandom(deriveSeed('documents'));
  const ids = new Int32Array(B * T);
  for (let i = 1; i < ids.length; i++) ids[i] = random() < 1 / 20 ? (ids[i - 1]! + 1) % 5 : ids[i - 1]!;
  return tf.tensor2d(ids, [B, T], 'int32');
}

function attentionCase({ B, T, H, P, R, V }: Sizes, withDocuments: boolean): OpCase {
  return {
    title: `${B} x ${T} tokens, ${H} heads of ${P}+${R} and ${V}${withDocuments ? ', in documents' : ''}`,
    build: () => {
      const q = input<tf.Rank.R4>('q', [B, T, H, P + R]);
      const kv = input<tf.Rank.R4>('kv', [B, T, H, P + V]);
      const kRope = input<tf.Rank.R3>('kRope', [B, T, R]);
      const visibility = attentionVisibility(T, withDocuments ? randomDocuments(B, T) : null);
      return { inputs: [q, kv, kRope], output: () => mlaAttention(q, kv, kRope, visibility, (P + R) ** -0.5) };
    },
  };
}

const longCases = [
  attentionCase({ B: 2, T: 200, H: 3, P: 7, R: 4, V: 11 }, true),
  attentionCase({ B: 1, T: 300, H: 2, P: 16, R: 2, V: 16 }, false),
  attentionCase({ B: 1, T: 1100, H: 1, P: 3, R: 2, V: 5 }, false),
  attentionCase({ B: 1, T: 1100, H: 1, P: 3, R: 2, V: 5 }, true),
];

describe('attention over several blocks of queries', () => {
  const references = new Map<string, CaseNumbers>();

  beforeAll(async () => {
    await activateBackend('wasm'); // has no kernel for it, and is faster than cpu
    for (const opCase of longCases) references.set(opCase.title, await runCase(opCase));
    await activateBackend('engine', { threads: 2 });
  });

  it.each(longCases.map((opCase) => [opCase.title, opCase] as const))(
    '%s: values and gradients of the reference',
    async (title, opCase) => {
      const [actual, expected] = [await runCase(opCase), references.get(title)!];
      // Sums of up to a thousand terms in another order, in float32.
      const close = (a: Float32Array, b: Float32Array, what: string) => {
        const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expectAllClose(a, b, { rtol: 0, atol: 1e-5 * largest }, what);
      };
      close(actual.output, expected.output, 'output');
      for (const [i, grad] of expected.grads.entries()) close(actual.grads[i]!, grad, `gradient ${i}`);
    },
  );
});

describe('attention on any number of threads', () => {
  it('gives the same bits', async () => {
    const opCase = attentionCase({ B: 1, T: 601, H: 3, P: 17, R: 6, V: 19 }, true);
    const results: CaseNumbers[] = [];
    for (const threads of [1, 2, 3, 4]) {
      await activateBackend('engine', { threads });
      results.push(await runCase(opCase));
    }
    const numbers = ({ output, grads }: CaseNumbers) => [output, ...grads];
    for (const result of results.slice(1)) expectSameBits(numbers(result), numbers(results[0]!));
  });
});

describe('attention with one NaN in the queries', () => {
  const [B, T, H, P, R, V] = [2, 37, 3, 8, 4, 5];
  const bad = { b: 1, t: 18, h: 2 };
  const made: tf.Tensor[] = [];

  beforeAll(() => activateBackend('engine', { threads: 2 }));
  afterEach(() => tf.dispose(made.splice(0)));

  /** Which [b, t, h] have a NaN in the last axis. */
  const spoiled = (x: tf.Tensor, heads: number) => {
    const values = x.dataSync();
    const width = values.length / (B * T * heads);
    const rows = Array.from({ length: B * T * heads }, (_, i) => i);
    const isSpoiled = (i: number) => values.subarray(i * width, (i + 1) * width).some(Number.isNaN);
    return rows.filter(isSpoiled).map((i) => ({
      b: Math.floor(i / (T * heads)),
      t: Math.floor(i / heads) % T,
      h: i % heads,
    }));
  };

  it('spoils its own row of the output and of the gradient, and keys of its head', () => {
    const q = constant<tf.Rank.R4>('q', [B, T, H, P + R]);
    const values = q.dataSync();
    values[((bad.b * T + bad.t) * H + bad.h) * (P + R)] = Number.NaN;
    const inputs = [
      tf.variable(tf.tensor4d(values, [B, T, H, P + R])),
      input<tf.Rank.R4>('kv', [B, T, H, P + V]),
      input<tf.Rank.R3>('kRope', [B, T, R]),
    ] as const;
    const attend = () => mlaAttention(...inputs, attentionVisibility(T, null), 0.3);
    const out = attend();
    const { value, grads } = valueAndGrads(() => tf.sum(tf.square(attend())).asScalar(), inputs);
    made.push(q, ...inputs, out, value, ...grads);
    expect(spoiled(out, H)).toEqual([bad]);
    expect(spoiled(grads[0]!, H)).toEqual([bad]);
    // A key that the query does not see may get its NaN times 0, but only in the same head.
    const spoiledKeys = spoiled(grads[1]!, H);
    for (let t = 0; t <= bad.t; t++) expect(spoiledKeys).toContainEqual({ ...bad, t });
    for (const { b, h } of spoiledKeys) expect({ b, h }).toEqual({ b: bad.b, h: bad.h });
    for (const { b } of spoiled(grads[2]!, 1)) expect(b).toBe(bad.b);
  });
});

describe('attention over 4096 tokens', () => {
  const T = 4096;

  beforeAll(() => activateBackend('engine', { threads: 2 }));

  it('needs no mask', () => {
    expect(attentionVisibility(T, null)).toEqual({ documentIds: null, mask: null });
  });

  it('weighs all keys before a query alike where all scores are 0, in memory that is no multiple of T x T', () => {
    const [P, R, V] = [2, 2, 1];
    const q = tf.variable(tf.zeros<tf.Rank.R4>([1, T, 1, P + R]));
    const kv = tf.tensor4d(Array.from({ length: T }, (_, t) => [1, 1, t]).flat(), [1, T, 1, P + V]);
    const kRope = tf.ones<tf.Rank.R3>([1, T, R]);
    const peak = () => (tf.memory() as unknown as { peak: number }).peak;
    const before = peak();
    const attend = () => mlaAttention(q, kv, kRope, attentionVisibility(T, null), 1);
    const out = attend();
    const { value, grads } = valueAndGrads(() => tf.sum(attend()).asScalar(), [q]);
    expect(peak() - before).toBeLessThan((T * T * 4) / 4);
    const means = Array.from({ length: T }, (_, t) => t / 2);
    expectAllClose(out.dataSync(), means, { rtol: 1e-5, atol: 0 }, 'means of the values before');
    // All keys are equal, so scores stay equal whatever the query: differences of terms up to 2048 cancel.
    expectAllClose(grads[0]!.dataSync(), new Float32Array(T * (P + R)), { rtol: 0, atol: 1e-2 }, 'gradient of q');
    tf.dispose([q, kv, kRope, out, value, ...grads]);
  });
});
