import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { loadRun } from '../../src/report/load-run.ts';
import { makeRun } from './fixture.ts';

const run = makeRun({ steps: 5, evalEvery: 2 });

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tinyseek-report-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(name: string, content: unknown): void {
  writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
}

function writeLines(name: string, lines: readonly unknown[]): void {
  write(name, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function line(step: number, loss: number | null = 1) {
  return { step, tokens: step, seconds: step, 'train/loss': loss };
}

describe('loadRun', () => {
  it('gives back what a run folder holds', () => {
    write('run.json', run.settings);
    writeLines('metrics.jsonl', run.metrics);
    writeLines('samples.jsonl', run.samples);
    expect(loadRun(dir)).toEqual(run);
  });

  it('reads a run that has not written metrics or samples yet', () => {
    write('run.json', run.settings);
    expect(loadRun(dir)).toEqual({ ...run, metrics: [], samples: [] });
  });

  it('ignores a last line that a crash cut off', () => {
    write('run.json', run.settings);
    write('metrics.jsonl', `${JSON.stringify(line(1))}\n{"step":2,"tok`);
    expect(loadRun(dir).metrics).toEqual([line(1)]);
  });

  it('names a damaged line before the last', () => {
    write('run.json', run.settings);
    write('metrics.jsonl', `${JSON.stringify(line(1))}\n{"step":2,"tok\n${JSON.stringify(line(3))}\n`);
    expect(() => loadRun(dir)).toThrow(/metrics\.jsonl:2: not a line/);
  });

  it('drops values that JSON could not write as numbers', () => {
    write('run.json', run.settings);
    writeLines('metrics.jsonl', [line(1, null)]);
    expect(loadRun(dir).metrics).toEqual([{ step: 1, tokens: 1, seconds: 1 }]);
  });

  it('lets the steps of a resumed run replace those written before', () => {
    write('run.json', run.settings);
    writeLines('metrics.jsonl', [line(1), line(2), line(2, 7), line(3, 8), line(2, 5), line(3, 6)]);
    expect(loadRun(dir).metrics).toEqual([line(1), line(2, 5), line(3, 6)]);
  });

  it('says so when a folder is no run folder, or no folder', () => {
    expect(() => loadRun(dir)).toThrow(/is not a run folder \(it has no run\.json\)/);
    expect(() => loadRun(join(dir, 'missing'))).toThrow(UserError);
  });

  it.each([
    ['{"format":1', /expected a JSON object/],
    [{ ...run.settings, format: 2 }, /expected format 1, found 2; update tinyseek/],
    [{ ...run.settings, backend: 3 }, /but backend is missing or of another type/],
    [{ ...run.settings, model: { hiddenSize: 7 } }, /but model\.numHiddenLayers is missing/],
    [{ ...run.settings, brotliBitsPerByte: 'x' }, /but brotliBitsPerByte is missing/],
  ])('refuses a run.json it cannot use: %#', (content, message) => {
    write('run.json', content);
    expect(() => loadRun(dir)).toThrow(UserError);
    expect(() => loadRun(dir)).toThrow(message);
  });
});
