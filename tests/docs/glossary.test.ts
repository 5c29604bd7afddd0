import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runConfigSchema } from '../../src/config/schema.ts';
import type { EvalResult, LayerLoad } from '../../src/train/events.ts';
import { evalMetrics, stepMetrics } from '../../src/train/metrics.ts';
import type { StepPlan } from '../../src/train/schedules.ts';

const glossary = readFileSync('docs/glossary.md', 'utf8');

const position = { step: 1, tokens: 2, seconds: 3 };
const load: LayerLoad[] = [
  { layer: 5, counts: [1, 3], maxVio: 0.5, minVio: 0.5, avgVio: 0.5, deadExperts: 0, bias: [0, 0] },
];
const plan: StepPlan = {
  ...{ step: 0, firstSample: 0, batchSize: 2, progress: 1 },
  ...{ learningRate: 1e-3, biasSpeed: 1e-3, mtpWeight: 0.3 },
};
const result: EvalResult = {
  ...{ loss: 1, perplexity: Math.E, bitsPerByte: 1, mtpLoss: [1], maxVioGlobal: 0, avgVioGlobal: 0, tokens: 7 },
  domains: [{ name: 'NAME', loss: 1, bitsPerByte: 1, tokens: 7, load }],
};

/** Everything that a line can have, with the letters of the page for a layer, a depth and a domain. */
const written = [
  stepMetrics(position, plan, { total: 1, main: 1, balance: 1, mtp: [1], gradNorm: 1, load }, 9),
  evalMetrics(position, result, 1),
].flatMap((line) => Object.keys(line).map((key) => key.replace('load/5/', 'load/L/').replace('loss_1', 'loss_K')));

describe('docs/glossary.md', () => {
  it('has a row for every key of metrics.jsonl, and for no other', () => {
    const rows = [...glossary.matchAll(/^\| `([^`]+)` \| [\w[].*\|$/gm)].map(([, key]) => key);
    expect(rows.toSorted()).toEqual([...new Set(written)].toSorted());
  });

  it('names no other key of metrics in its explanations', () => {
    const named = [...glossary.matchAll(/`((?:train|eval|load|balance)\/\w[^`]*)`/g)].map(([, key]) => key!);
    expect(named.map((key) => key.replace('loss_1', 'loss_K')).filter((key) => !written.includes(key))).toEqual([]);
  });

  it('has every term in its list', () => {
    const list = glossary.slice(glossary.indexOf('\n- ['), glossary.indexOf('\n## '));
    const listed = [...list.matchAll(/\[([^\]]+)\]\(#/g)].map(([, term]) => term!.toLowerCase());
    const terms = [...glossary.matchAll(/^##+ (.*)$/gm)].map(([, term]) => term!.toLowerCase());
    expect(listed.toSorted()).toEqual(terms.toSorted());
  });

  it('names keys of a configuration that exist', () => {
    const named = [...glossary.matchAll(/\bkeys?: ((?:`[^`]+`,?\s*)+)/gi)].flatMap(([, keys]) =>
      keys!.match(/(?<=`)\w+/g),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((key) => !Object.hasOwn(runConfigSchema.shape, key!))).toEqual([]);
  });
});
