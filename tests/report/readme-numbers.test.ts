// The numbers of the README's prose are those of the kept results.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readKept } from '../../tools/results-text.ts';

const readme = readFileSync('README.md', 'utf8').replace(/\s+/g, ' ');

/** The mean of a quantity over the seeds of an arm of a study. */
function meanOf(study: string, arm: string, key: string): number {
  const { runs } = readKept()
    .find(({ name }) => name === study)!
    .arms.find(({ name }) => name === arm)!;
  return runs.reduce((sum, { measured }) => sum + measured[key]!, 0) / runs.length;
}

interface Peers {
  readonly sizes: readonly { readonly summaries: readonly { readonly name: string; readonly ratio: number }[] }[];
}

/** How many times our time a contender took, at each size that was measured, in the newest comparison. */
function ratiosOf(pattern: RegExp): number[] {
  const files = readdirSync('bench/results').filter((name) => name.includes('-peers-'));
  const newest = files
    .map((name) => name.slice(0, 10))
    .sort()
    .at(-1)!;
  const kept = files.filter((name) => name.startsWith(newest));
  const sizes = kept.flatMap((name) => (JSON.parse(readFileSync(`bench/results/${name}`, 'utf8')) as Peers).sizes);
  return sizes.flatMap(({ summaries }) => summaries.filter(({ name }) => pattern.test(name)).map(({ ratio }) => ratio));
}

describe('the numbers of the README', () => {
  it('on balancing', () => {
    const [bias, loss, none] = ['bias-1e-3', 'batch-aux-1e-3', 'none'].map((arm) =>
      meanOf('balance', arm, 'maxVioGlobal').toFixed(2),
    );
    expect(readme).toContain(
      `With the bias, MaxVio ends at ${bias}; with a batch-wise auxiliary loss (alpha 0.001) at ${loss}; without balancing at ${none}.`,
    );
    const losses = readKept()
      .find(({ name }) => name === 'balance')!
      .arms.map(({ name }) => meanOf('balance', name, 'loss'));
    expect(Math.max(...losses) - Math.min(...losses)).toBeLessThan(0.02);
    expect(readme).toContain('The losses of all arms lie within 0.02 nats of each other');
  });

  it('on drafts', () => {
    const percent = (key: string, arm: string) => (100 * meanOf('mtp', arm, key)).toFixed(0);
    const first = percent('acceptance/moby-dick', 'depth-1');
    const second = percent('acceptance2/moby-dick', 'depth-2');
    expect(readme).toContain(`accepts ${first} % of what the module drafts, and ${second} % of second drafts`);
  });

  it('on the scope of balancing', () => {
    const times = meanOf('balance-scope', 'bias', 'domainKl') / meanOf('balance-scope', 'sequence-aux', 'domainKl');
    expect(readme).toContain(`(${times.toFixed(0)} times less)`);
  });

  it('on speed', () => {
    const transformers = ratiosOf(/^transformers$/);
    const [low, high] = [Math.min(...transformers).toFixed(1), Math.max(...transformers).toFixed(1)];
    expect(readme).toContain(`${low} to ${high} times faster`);
    expect(readme).toContain(
      `at least ${Math.min(...ratiosOf(/lean/)).toFixed(1)} times faster than the fastest PyTorch`,
    );
    const wasm = ratiosOf(/wasm/);
    // "About an eighth": the middle one of the sizes, rounded.
    expect(wasm.sort((a, b) => a - b)[wasm.length >> 1]!.toFixed(0)).toBe('8');
  });
});
