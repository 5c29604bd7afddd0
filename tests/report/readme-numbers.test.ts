// The numbers of the README's prose are those of the kept results and of the kept comparisons of speed.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bareNumbers, fillNumbers } from '../../tools/results-prose.ts';
import { readKept } from '../../tools/results-text.ts';

const source = readFileSync('README.md', 'utf8');
const readme = source.replace(/\s+/g, ' ');

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
  it('on studies are those that the kept runs give', () => {
    expect(fillNumbers(source, readKept())).toBe(source);
  });

  it('on studies all say where they come from', () => {
    const [, section = ''] = /^## Studies\n([\s\S]*?)^## /m.exec(source) ?? [];
    expect(section).toContain('MaxVio ends at');
    expect(bareNumbers(section)).toEqual([]);
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
