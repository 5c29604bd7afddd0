import { describe, expect, it } from 'vitest';
import { defaultSampling, type SamplingOptions, validateSampling } from '../../src/generate/sampling/sampling.ts';
import { TokenDistribution } from '../../src/generate/sampling/token-distribution.ts';
import { TokenHistory } from '../../src/generate/sampling/token-history.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

interface Case {
  readonly options: Omit<SamplingOptions, 'seed'>;
  readonly context: number[];
  readonly logits: number[];
  readonly probabilities: number[];
}

const all = { temperature: 1, topK: 0, topP: 1, minP: 0 };

function probabilities(distribution: TokenDistribution): number[] {
  return Array.from(distribution.ids.keys(), (id) => distribution.probability(id));
}

describe('a token distribution (golden)', () => {
  const { cases } = loadGoldenJson('sampling.json') as { cases: Case[] };

  it.each(cases.map((golden) => [JSON.stringify(golden.options), golden] as const))(
    'is that of transformers for %s',
    (_name, { options, context, logits, probabilities: expected }) => {
      const history = new TokenHistory(logits.length, context);
      const scores = history.penalise(Float32Array.from(logits), options.repetitionPenalty);
      const distribution = new TokenDistribution(logits.length).set(scores, options);
      expect(distribution.count).toBe(expected.filter((p) => p > 0).length);
      // float32 softmax in transformers, double precision here
      expectAllClose(probabilities(distribution), expected, { rtol: 1e-5, atol: 1e-7 });
    },
  );
});

describe('a token distribution (property)', () => {
  const logits = normalArray(997, 2, 5);

  it('finds a nucleus larger than the part of the vocabulary it looks at first', () => {
    const flat = logits.map((value) => value / 100);
    const distribution = new TokenDistribution(flat.length).set(flat, { ...all, topP: 0.9 });
    expect(distribution.count).toBeGreaterThan(800);
    const kept = probabilities(distribution);
    const worstKept = Math.min(...flat.filter((_, id) => kept[id]! > 0));
    expect(flat.filter((value) => value >= worstKept)).toHaveLength(distribution.count);
    const whole = probabilities(new TokenDistribution(flat.length).set(flat, all));
    const mass = whole.reduce((sum, p, id) => sum + (kept[id]! > 0 ? p : 0), 0);
    expect(mass).toBeGreaterThan(0.9);
    expect(mass).toBeLessThan(0.9 + 2 / flat.length);
  });

  it('draws each token over a share of the quantiles that is its probability', () => {
    const distribution = new TokenDistribution(5).set(Float32Array.of(0, 1, -1, 2, -90), { ...all, topP: 0.9 });
    const draws = 10_000;
    const counts = new Array<number>(5).fill(0);
    for (let i = 0; i < draws; i++) counts[distribution.draw((i + 0.5) / draws)]! += 1 / draws;
    // a share is off by less than one quantile at each of its ends
    expectAllClose(counts, probabilities(distribution), { rtol: 0, atol: 2 / draws });
  });

  it('can be set again without a trace of before', () => {
    const reused = new TokenDistribution(997).set(logits, { ...all, topK: 500 });
    reused.set(logits, { ...all, topK: 3 });
    expect(probabilities(reused)).toEqual(probabilities(new TokenDistribution(997).set(logits, { ...all, topK: 3 })));
  });

  it('survives temperatures near zero and logits far apart', () => {
    const distribution = new TokenDistribution(3).set(Float32Array.of(-1e30, 1e30, 0), { ...all, temperature: 1e-6 });
    expect([0, 0.5, 0.999].map((u) => distribution.draw(u))).toEqual([1, 1, 1]);
  });

  it('refuses logits that are not numbers', () => {
    for (const filters of [all, { ...all, topK: 2 }, { ...all, topP: 0.5 }]) {
      const broken = Float32Array.of(1, Number.NaN, 2, Number.NaN);
      expect(() => new TokenDistribution(4).set(broken.fill(Number.NaN), filters)).toThrow(/not numbers/);
    }
  });
});

describe('sampling options', () => {
  it('are accepted as they are by default', () => {
    expect(() => validateSampling(defaultSampling)).not.toThrow();
  });

  it.each([
    ['temperature', -0.1],
    ['temperature', Number.NaN],
    ['temperature', Number.POSITIVE_INFINITY],
    ['topK', -1],
    ['topK', 2.5],
    ['topP', 0],
    ['topP', 1.1],
    ['minP', -0.1],
    ['minP', 2],
    ['repetitionPenalty', 0],
    ['seed', 0.5],
  ] as const)('%s %d is refused by name', (key, value) => {
    expect(() => validateSampling({ ...defaultSampling, [key]: value })).toThrow(
      new RegExp(`${key} must be .*${value}`),
    );
  });
});
