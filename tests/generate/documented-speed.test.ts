// What docs/benchmarks.md says of decoding is what was measured (bench/results).

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { median } from '../../src/bench/timing.ts';

interface Weights {
  readonly formats: readonly { readonly weights: string; readonly speedup: number; readonly cpuRatio: number }[];
  readonly trained: {
    readonly loss: number;
    readonly errors: readonly { readonly meanError: number; readonly maxError: number; readonly loss: number }[];
  };
}

interface FirstTokens {
  readonly results: readonly Readonly<Record<'first' | 'warm', { readonly cpuMilliseconds: number }>>[];
}

interface Prefill {
  readonly results: readonly { readonly tokens: number; readonly timeRatio: number; readonly cpuRatio: number }[];
}

function newest<Measured>(name: string): Measured {
  const files = readdirSync('bench/results').filter((file) => file.endsWith(`-${name}.json`));
  return JSON.parse(readFileSync(`bench/results/${files.sort().at(-1)}`, 'utf8')) as Measured;
}

const page = readFileSync('docs/benchmarks.md', 'utf8');
const text = page.replaceAll(/\s+/g, ' ');

describe('docs/benchmarks.md on decoding', () => {
  it('has the ratios and the errors of weights in 16 and 8 bits', () => {
    const { formats, trained } = newest<Weights>('weights');
    expect(page).toContain(`| float32 | 1.00 | 1.00 | | | ${trained.loss.toFixed(4)} |`);
    for (const [i, { meanError, maxError, loss }] of trained.errors.entries()) {
      const { weights, speedup, cpuRatio } = formats[i + 1]!;
      const cells = [speedup.toFixed(2), cpuRatio.toFixed(2), meanError.toFixed(4), maxError.toFixed(3)];
      expect(page).toContain(`| ${weights} | ${cells.join(' | ')} | ${loss.toFixed(4)} |`);
    }
  });

  it('has the time of the first tokens', () => {
    const { results } = newest<FirstTokens>('first-tokens');
    const of = (when: 'first' | 'warm') => median(results.map((result) => result[when].cpuMilliseconds)).toFixed(0);
    expect(text).toContain(`took ${of('first')} ms of the calling thread, and ${of('warm')} ms when warm`);
  });

  it('has the time of a prompt', () => {
    for (const { tokens, timeRatio, cpuRatio } of newest<Prefill>('prefill').results) {
      expect(page).toContain(`| ${tokens} | ${timeRatio.toFixed(2)} | ${cpuRatio.toFixed(2)} |`);
    }
  });
});
