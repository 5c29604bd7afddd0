import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/data/random.ts';
import { defaultSampling, type SamplingOptions } from '../../src/generate/sampling/sampling.ts';
import { keepsDraft } from '../../src/generate/sampling/speculation.ts';
import { TokenDistribution } from '../../src/generate/sampling/token-distribution.ts';
import { TokenHistory } from '../../src/generate/sampling/token-history.ts';
import { TokenSampler } from '../../src/generate/sampling/token-sampler.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { chiSquare, chiSquareLimit } from './chi-square.ts';

const V = 5;
const prompt = [2];
const draws = 20_000;

/** Logits after a token: those of the target, and those of a draft model that is often wrong. */
const rowsOf = (seed: number) => Array.from({ length: V }, (_, token) => normalArray(V, 1.5, 10 * seed + token));
const target = rowsOf(1);
const drafts = rowsOf(2);

const samplings: readonly [name: string, options: Partial<SamplingOptions>][] = [
  ['no filter', {}],
  ['temperature', { temperature: 0.6 }],
  ['top-k', { topK: 3 }],
  ['top-p', { topP: 0.7 }],
  ['min-p', { minP: 0.25 }],
  ['repetition penalty', { repetitionPenalty: 1.8 }],
  ['everything', { temperature: 1.3, topK: 4, topP: 0.9, minP: 0.1, repetitionPenalty: 1.4 }],
];

const optionsOf = (options: Partial<SamplingOptions>, seed = 0): SamplingOptions => ({
  ...defaultSampling,
  temperature: 1,
  topK: 0,
  ...options,
  seed,
});

function targetAfter(text: readonly number[], options: SamplingOptions): TokenDistribution {
  const scores = new TokenHistory(V, text).penalise(target[text.at(-1)!]!, options.repetitionPenalty);
  return new TokenDistribution(V).set(scores, options);
}

/** The exact probability of each pair of tokens after the prompt. */
function pairProbabilities(options: SamplingOptions): number[] {
  const tokens = Array.from({ length: V }, (_, token) => token);
  return tokens.flatMap((a) => {
    const first = targetAfter(prompt, options).probability(a);
    return tokens.map((b) => (first === 0 ? 0 : first * targetAfter([...prompt, a], options).probability(b)));
  });
}

/** Three tokens: two are drafted, and what the check leaves missing is chosen plainly. */
function speculate(options: SamplingOptions): number[] {
  const sampler = new TokenSampler(options, V, prompt);
  const first = sampler.draft(drafts[prompt[0]!]!);
  const second = sampler.draft(drafts[first]!);
  const tokens = sampler.settle(Float32Array.from([prompt[0]!, first, second].flatMap((token) => [...target[token]!])));
  while (tokens.length < 3) tokens.push(sampler.choose(target[tokens.at(-1)!]!));
  return tokens;
}

function pairCounts(draw: (seed: number) => readonly number[]): number[] {
  const counts = new Array<number>(V * V).fill(0);
  for (let seed = 0; seed < draws; seed++) {
    const [a, b] = draw(seed);
    counts[a! * V + b!]!++;
  }
  return counts;
}

function statistic(
  counts: readonly number[],
  options: SamplingOptions,
): { readonly sum: number; readonly limit: number } {
  const probabilities = pairProbabilities(options);
  const cells = probabilities.filter((p) => p > 0).length;
  return { sum: chiSquare(counts, probabilities), limit: chiSquareLimit(cells - 1) };
}

describe('speculative sampling (statistics)', () => {
  it.each(samplings)('with %s has the distribution of plain sampling', (_name, partial) => {
    const counts = pairCounts((seed) => speculate(optionsOf(partial, seed)));
    const { sum, limit } = statistic(counts, optionsOf(partial));
    expect(sum).toBeLessThan(limit);
  });

  it.each(samplings)('plain sampling with %s has that distribution too', (_name, partial) => {
    const counts = pairCounts((seed) => {
      const sampler = new TokenSampler(optionsOf(partial, seed), V, prompt);
      const first = sampler.choose(target[prompt[0]!]!);
      return [first, sampler.choose(target[first]!)];
    });
    const { sum, limit } = statistic(counts, optionsOf(partial));
    expect(sum).toBeLessThan(limit);
  });

  it.each([
    [
      'a replacement drawn from the target itself',
      (p: TokenDistribution, q: TokenDistribution, u: () => number) => {
        const draft = q.draw(u());
        return keepsDraft(p, q, draft, u()) ? draft : p.draw(u());
      },
    ],
    [
      'every draft kept that the target could have drawn',
      (p: TokenDistribution, q: TokenDistribution, u: () => number) => {
        const draft = q.draw(u());
        return p.probability(draft) > 0 ? draft : p.draw(u());
      },
    ],
  ])('tells a wrong rule: %s', (_name, rule) => {
    const options = optionsOf({});
    const q = new TokenDistribution(V);
    const counts = pairCounts((seed) => {
      const { next } = createRandom('wrong rule', seed);
      const draw = (text: readonly number[]) =>
        rule(targetAfter(text, options), q.set(drafts[text.at(-1)!]!, options), next);
      const first = draw(prompt);
      return [first, draw([...prompt, first])];
    });
    const { sum, limit } = statistic(counts, options);
    expect(sum).toBeGreaterThan(2 * limit);
  });
});

describe('a token sampler', () => {
  it('keeps a draft if and only if it is the most likely token, at temperature 0', () => {
    const sampler = new TokenSampler(optionsOf({ temperature: 0 }), 3, [0]);
    expect(sampler.draft(Float32Array.of(0, 1, 0))).toBe(1);
    expect(sampler.draft(Float32Array.of(0, 0, 1))).toBe(2);
    expect(sampler.drafts).toEqual([1, 2]);
    expect(sampler.settle(Float32Array.of(0, 2, 0, 3, 0, 0, 0, 9, 0))).toEqual([1, 0]);
    expect(sampler.drafts).toEqual([]);
    sampler.draft(Float32Array.of(0, 0, 1));
    expect(sampler.settle(Float32Array.of(0, 0, 1, 0, 1, 0))).toEqual([2, 1]);
  });

  it('counts drafts as text while it checks them, and forgets those it drops', () => {
    const options = optionsOf({ temperature: 0, repetitionPenalty: 2 });
    const sampler = new TokenSampler(options, 3, [0]);
    expect(sampler.draft(Float32Array.of(1, 0.9, 0))).toBe(1); // 0 is penalised: 0.5
    // the draft is dropped for 2, so token 1 is not penalised afterwards
    expect(sampler.settle(Float32Array.of(0, 0, 1, 0, 0, 0))).toEqual([2]);
    expect(sampler.choose(Float32Array.of(1, 0.6, 1))).toBe(1);
    // now 1 is, and so are 0 and 2
    expect(sampler.choose(Float32Array.of(1.1, 1, 1))).toBe(0);
  });

  it('draws the same for the same seed, and something else for another', () => {
    const flat = new Float32Array(997);
    const draw = (seed: number) => {
      const sampler = new TokenSampler(optionsOf({}, seed), 997, [0]);
      return Array.from({ length: 7 }, () => sampler.choose(flat));
    };
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
    expect(new Set(draw(3)).size).toBeGreaterThan(5);
  });

  it('says so when the model gives no numbers', () => {
    for (const temperature of [0, 1]) {
      const sampler = new TokenSampler(optionsOf({ temperature }), 3, [0]);
      expect(() => sampler.choose(new Float32Array(3).fill(Number.NaN))).toThrow(/not numbers/);
    }
  });
});
