import { describe, expect, it } from 'vitest';
import { ThinnedLines } from '../../src/report/thinned-lines.ts';
import type { MetricsLine } from '../../src/train/events.ts';

const lineOf = (step: number): MetricsLine => ({
  ...{ step, tokens: 10 * step, seconds: step / 2, 'train/loss': 1 / step, 'load/0/max_vio': step },
  ...{ 'load/0/counts': [step, 1], 'eval/domain/x/load': [[step]] },
});

function thinned(count: number, limit?: number): readonly MetricsLine[] {
  const lines = new ThinnedLines(limit);
  for (let step = 1; step <= count; step++) lines.add(lineOf(step));
  return lines.lines;
}

describe('the metrics of a long run', () => {
  it('keep all numbers, the lists of evaluations, and evenly spread lists of loads', () => {
    for (const count of [100, 997, 4096]) {
      const lines = thinned(count, 50);
      expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
      for (const line of lines) {
        const { 'load/0/counts': _counts, ...numbers } = lineOf(line.step);
        expect(line).toMatchObject(numbers);
      }
      const detailed = lines.filter((line) => 'load/0/counts' in line).map(({ step }) => step);
      expect(detailed.length).toBeGreaterThanOrEqual(25);
      expect(detailed.length).toBeLessThanOrEqual(51);
      expect(detailed.at(-1)).toBe(count);
      const gaps = detailed.slice(1).map((step, i) => step - detailed[i]!);
      expect(new Set(gaps.slice(0, -1)).size).toBe(1);
    }
  });

  it('of a short run are as they were written', () => {
    expect(thinned(2000)).toEqual(Array.from({ length: 2000 }, (_, i) => lineOf(i + 1)));
  });
});
