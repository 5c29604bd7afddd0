import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/tensor/random.ts';
import { domainLoads } from '../../src/inspect/domain-loads.ts';
import { RouterHistory } from '../../src/inspect/router-history.ts';
import { loadStatistics } from '../../src/moe/load.ts';
import { layerLoad } from '../../src/train/balance-experts.ts';
import type { LayerLoad } from '../../src/train/events.ts';

const [layers, E] = [[1, 2, 5], 7];

/** Loads of some steps; expert 3 of layer 2 gets nothing from step `deadFrom` on. */
function loadsOf(steps: number, deadFrom = Infinity): LayerLoad[][] {
  const random = createRandom(3);
  return Array.from({ length: steps }, (_, i) =>
    layers.map((layer) => {
      const counts = Array.from({ length: E }, (_, expert) => {
        return layer === 2 && expert === 3 && i + 1 >= deadFrom ? 0 : 1 + Math.floor(random() * 50);
      });
      return layerLoad(
        layer,
        counts,
        counts.map((_, expert) => expert * 0.01 - i * 0.001),
      );
    }),
  );
}

const total = (counts: readonly (readonly number[])[]) =>
  Array.from({ length: E }, (_, e) => counts.reduce((sum, of) => sum + of[e]!, 0));
const relative = (counts: readonly number[]) => {
  const mean = counts.reduce((a, b) => a + b) / E;
  return counts.map((count) => count / mean);
};
const rows = (values: Float32Array) =>
  Array.from({ length: values.length / E }, (_, i) => [...values.subarray(i * E, (i + 1) * E)]);
const close = (actual: readonly number[][], expected: readonly number[][]) => {
  expect(actual).toHaveLength(expected.length);
  // float32 of a quotient of whole numbers
  for (const [i, row] of actual.entries())
    for (const [e, value] of row.entries()) expect(value).toBeCloseTo(expected[i]![e]!, 5);
};

function historyOf(steps: readonly LayerLoad[][], options = {}): RouterHistory {
  const history = new RouterHistory(options);
  for (const [i, load] of steps.entries()) history.add(i + 1, load);
  return history;
}

describe('RouterHistory', () => {
  it('has every step of a short run as it was', () => {
    const steps = loadsOf(9);
    const history = historyOf(steps);
    expect(history.layers).toEqual(layers);
    expect([...history.steps]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    close(
      rows(history.loads(2)),
      steps.map((load) => relative([...load[1]!.counts])),
    );
    close(
      rows(history.biases(5)),
      steps.map((load) => [...load[2]!.bias]),
    );
    const batch = steps.map((load) => load.reduce((sum, { maxVio }) => sum + maxVio, 0) / layers.length);
    for (const [i, value] of history.maxVioBatch.entries()) expect(value).toBeCloseTo(batch[i]!, 10);
  });

  it('adds neighbouring steps up in a long run: no selection is lost, and the memory stays bounded', () => {
    const steps = loadsOf(1000);
    const history = historyOf(steps, { maxBins: 16 });
    const ends = [...history.steps];
    expect(ends.length).toBeLessThanOrEqual(16);
    expect(ends.length).toBeGreaterThan(7);
    expect(ends.at(-1)).toBe(1000);
    const expected = ends.map((end, i) => steps.slice(ends[i - 1] ?? 0, end));
    close(
      rows(history.loads(1)),
      expected.map((bin) => relative(total(bin.map((load) => load[0]!.counts)))),
    );
    close(
      rows(history.biases(1)),
      ends.map((end) => [...steps[end - 1]![0]!.bias]),
    );
    for (const [i, value] of history.maxVioBatch.entries()) {
      const all = expected[i]!.flatMap((load) => load.map(({ maxVio }) => maxVio));
      expect(value).toBeCloseTo(all.reduce((a, b) => a + b) / all.length, 8);
    }
  });

  it('has the MaxVio of the last steps together, which is lower than that of single batches', () => {
    const steps = loadsOf(60);
    const history = historyOf(steps, { window: 20 });
    const expected = (end: number) => {
      const window = steps.slice(Math.max(0, end - 20), end);
      const vios = layers.map((_, at) => loadStatistics(total(window.map((load) => load[at]!.counts))).maxVio);
      return vios.reduce((a, b) => a + b) / layers.length;
    };
    for (const [i, value] of history.maxVioOverAll.entries()) expect(value).toBeCloseTo(expected(i + 1), 10);
    expect(history.maxVioOverAll.at(-1)).toBeLessThan(history.maxVioBatch.at(-1)!);
  });

  it('names experts that have had nothing for a while, and the step at which they last had something', () => {
    const steps = loadsOf(100, 31);
    expect(historyOf(steps.slice(0, 79)).dead()).toEqual([]);
    expect(historyOf(steps.slice(0, 80)).dead()).toEqual([{ layer: 2, expert: 3, lastUsed: 30 }]);
    expect(historyOf(steps, { maxBins: 4 }).dead(70)).toEqual([{ layer: 2, expert: 3, lastUsed: 30 }]);
  });

  it('calls no expert dead at the start of a run that goes on at a later step', () => {
    const history = new RouterHistory();
    const steps = loadsOf(60, 1);
    for (const [i, load] of steps.entries()) {
      history.add(501 + i, load);
      if (i < 49) expect(history.dead()).toEqual([]);
    }
    expect(history.dead()).toEqual([{ layer: 2, expert: 3, lastUsed: 500 }]);
  });

  it('forgets what a rewound run had done after the step it goes on from', () => {
    const steps = loadsOf(20, 11);
    const history = historyOf(steps);
    for (const [i, load] of steps.slice(0, 8).entries()) history.add(i + 1, load);
    expect([...history.steps]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    close(rows(history.loads(1)), rows(historyOf(steps.slice(0, 8)).loads(1)));
    expect([...history.maxVioOverAll]).toEqual([...historyOf(steps.slice(0, 8)).maxVioOverAll]);
  });

  it('is empty for a model without experts, and for a layer that it does not know', () => {
    const history = new RouterHistory();
    history.add(1, []);
    expect([history.layers, [...history.steps], history.dead()]).toEqual([[], [], []]);
    expect(historyOf(loadsOf(3)).loads(4)).toHaveLength(0);
  });
});

describe('domainLoads', () => {
  it('has a row for each domain, each a multiple of its own mean', () => {
    const [first, second] = loadsOf(2) as [LayerLoad[], LayerLoad[]];
    const domain = (name: string, load: LayerLoad[]) => ({ name, loss: 1, bitsPerByte: 1, tokens: 5, load });
    const { domains, loads } = domainLoads([domain('math', first), domain('prose', second)], 5);
    expect(domains).toEqual(['math', 'prose']);
    close(rows(loads), [relative([...first[2]!.counts]), relative([...second[2]!.counts])]);
  });
});
