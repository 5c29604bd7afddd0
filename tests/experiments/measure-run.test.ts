import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countParameters } from '../../src/config/counts.ts';
import { measureRun } from '../../src/experiments/measure-run.ts';
import type { MetricsLine } from '../../src/train/events.ts';
import { type FixtureOptions, makeRun } from '../report/fixture.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tinyseek-measure-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function measure(options: FixtureOptions, change: (line: MetricsLine) => MetricsLine = (line) => line) {
  const run = makeRun({ steps: 40, evalEvery: 20, ...options });
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run.settings));
  writeFileSync(join(dir, 'metrics.jsonl'), run.metrics.map((line) => `${JSON.stringify(change(line))}\n`).join(''));
  return { run, measured: measureRun(dir) };
}

describe('measureRun', () => {
  it('takes the last evaluation and the right tenths of the steps', () => {
    const { measured } = measure({}, (line) => ('train/loss' in line ? { ...line, 'train/loss': line.step } : line));
    expect(measured.trainLoss).toBe(38.5); // steps 37 to 40
    expect(measured.earlyLoss).toBe(6.5); // steps 5 to 8
    expect(measured.loss).toBeGreaterThan(0);
    expect(measured.mtpLoss1).toBeGreaterThan(measured.loss ?? Number.NaN);
  });

  it('counts tokens, FLOPs and seconds of the whole run', () => {
    const { run, measured } = measure({});
    const { flopsPerToken } = countParameters(run.settings.model, run.settings.train.seqLen);
    expect(measured.tokens).toBe(40 * 1024);
    expect(measured.flops).toBe(40 * 1024 * flopsPerToken);
    expect(measured.seconds).toBe(16);
  });

  it('compares MaxVio with gamma 0 with as many steps before', () => {
    const { measured } = measure({}, (line) =>
      'train/loss' in line
        ? { ...line, 'train/bias_speed': line.step <= 35 ? 0.001 : 0, 'balance/max_vio_batch': line.step <= 35 ? 2 : 3 }
        : line,
    );
    expect(measured.frozenMaxVioRatio).toBe(1.5);
    expect(measure({ balancing: 'none' }).measured).not.toHaveProperty('frozenMaxVioRatio');
  });

  it('has numbers of domains where there are several', () => {
    const { measured } = measure({ domains: ['prose', 'code'] });
    expect(measured['loss/code']).toBeGreaterThan(measured['loss/prose'] ?? Number.NaN);
    expect(measured.domainKl).toBeGreaterThan(0);
    expect(measured.domainDistance).toBeGreaterThan(0);
    expect(measure({}).measured).not.toHaveProperty('domainKl');
  });

  it('leaves out what is not finite', () => {
    expect(measure({ evalEvery: 0 }).measured).not.toHaveProperty('loss');
  });
});
