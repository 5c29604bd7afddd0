// Run folders of strangers: whatever is in their files, a report is written or one UserError says what is wrong.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeReport } from '../../src/cli/write-report.ts';
import { UserError } from '../../src/errors.ts';
import { loadRun } from '../../src/report/load-run.ts';
import { renderReport } from '../../src/report/run/render-report.ts';
import { parseRunSettings } from '../../src/train/run-settings.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { useTempFolder } from '../io/helpers.ts';
import { makeRun } from './fixture.ts';

const path = useTempFolder();
const fixture = makeRun({ steps: 9, evalEvery: 3, layers: 2, experts: 3 });

const files = {
  'run.json': JSON.stringify(fixture.settings),
  'metrics.jsonl': fixture.metrics.map((line) => JSON.stringify(line)).join('\n'),
  'samples.jsonl': fixture.samples.map((line) => JSON.stringify(line)).join('\n'),
};

function write(changed: Partial<Record<keyof typeof files, string>>): void {
  mkdirSync(path('run'), { recursive: true });
  for (const [name, text] of Object.entries({ ...files, ...changed })) writeFileSync(path('run', name), text);
}

/** A report, or the message of a UserError. */
async function outcome(): Promise<string> {
  try {
    await renderReport([loadRun(path('run'))]);
    return 'report';
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** Values that a program expects least. */
const odd = fc.constantFrom<unknown>({}, [], [[]], null, '', 'x', true, -1, 0.5, 1e308, 1e15, '1e999', { a: [1] }, [
  1,
  'x',
]);

function put(value: unknown, keys: readonly string[], found: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined || typeof value !== 'object' || value === null) return found;
  return Array.isArray(value)
    ? value.map((item, index) => (String(index) === key ? put(item, rest, found) : item))
    : { ...value, [key]: put(Reflect.get(value, key), rest, found) };
}

/** The paths to every value in it. */
function places(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  const below = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [at, ...below.flatMap(([key, inner]) => places(inner, [...at, key]))];
}

describe('tinyseek report', () => {
  it('replaces an earlier report, in the folder of the run and elsewhere', async () => {
    write({});
    for (const out of [undefined, path('out.html')]) {
      const first = await writeReport([path('run')], out);
      const found = readFileSync(first, 'utf8');
      expect(await writeReport([path('run')], out)).toBe(first);
      expect(readFileSync(first, 'utf8')).toBe(found);
    }
  });
});

describe('a report of a run that somebody changed', () => {
  it('is written for the run as it was', async () => {
    write({});
    expect(await outcome()).toBe('report');
  });

  it.each([
    ['backwards', [5, 4, 3], 'report'],
    ['below zero', [2, -5, -9], /metrics.jsonl:2: not a line that a training run writes/],
    ['in fractions', [1, 1.5, 2], /metrics.jsonl:2: not a line/],
  ])('ends where steps go %s', async (_, steps, expected) => {
    const lines = steps.map((step) => JSON.stringify({ step, tokens: 0, seconds: 0, 'train/loss': 1 }));
    write({ 'metrics.jsonl': `${lines.join('\n')}\n` });
    expect(await outcome()).toMatch(expected);
  });

  it('property: any value anywhere in run.json', async () => {
    const change = fc.record({ at: fc.constantFrom(...places(fixture.settings)), value: odd });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const settings = changes.reduce<unknown>(
          (value, { at, value: found }) => put(value, at, found),
          fixture.settings,
        );
        const text = JSON.stringify(settings).replaceAll('"1e999"', '1e999');
        write({ 'run.json': text });
        await outcome();
        try {
          const json: unknown = JSON.parse(text);
          if (typeof json === 'object' && json !== null) parseRunSettings({ ...json }, path('run'));
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  it.each(['metrics.jsonl', 'samples.jsonl'] as const)('property: any value anywhere in %s', async (name) => {
    const lines = files[name].split('\n').map((line) => JSON.parse(line) as unknown);
    const change = fc.record({ line: fc.nat({ max: lines.length - 1 }), place: fc.nat(), value: odd });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = lines.map((line, index) => {
          return changes.reduce<unknown>((value, { line: at, place, value: found }) => {
            const all = places(line);
            return at === index ? put(value, all[place % all.length]!, found) : value;
          }, line);
        });
        write({ [name]: changed.map((line) => JSON.stringify(line).replaceAll('"1e999"', '1e999')).join('\n') });
        await outcome();
      }),
      { numRuns: fuzzRuns(100) },
    );
  });

  it.each(['run.json', 'metrics.jsonl'] as const)('property: any change of bytes in %s', async (name) => {
    write({});
    const valid = readFileSync(path('run', name));
    const change = fc.record({
      at: fc.nat({ max: valid.length - 1 }),
      bytes: fc.uint8Array({ maxLength: 5 }),
      cut: fc.nat({ max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, bytes, cut }) => {
        write({});
        writeFileSync(path('run', name), Buffer.concat([valid.subarray(0, at), bytes, valid.subarray(at + cut)]));
        await outcome();
      }),
      { numRuns: fuzzRuns(100) },
    );
  });
});
