// Studies whose arms are procedures: what is prepared is done once for each seed, what was done is kept, and results
// have numbers, curves and maps.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { readMeasured } from '../../src/experiments/measured-file.ts';
import type { ArmWork, Procedure } from '../../src/experiments/procedure.ts';
import { readProcedure } from '../../src/experiments/procedure-file.ts';
import { runProcedure } from '../../src/experiments/run-procedure.ts';
import { trainStage } from '../../src/experiments/stage.ts';
import { checkStudy } from '../../src/experiments/study-schema.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { nanoSettings, writeText } from '../cli/nano.ts';
import { type CliResult, runCli, runInResident, temporaryFolder } from '../cli/run-cli.ts';
import { htmlProblems } from '../report/html-check.ts';

const temporary = temporaryFolder();

/** Every process writes down that it ran; the preparation of the seed in `broken` fails. */
const source = `
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const broken = Number(process.env.BROKEN_SEED ?? -1);
const log = (what) => appendFileSync('calls.txt', what + '\\n');
export default {
  title: 'Doubling', equal: 'Equal numbers.', seeds: 2,
  base: { procedureChanges: { times: 2 } },
  quick: { procedureChanges: { offset: 100 } },
  arms: [{ name: 'two' }, { name: 'three', procedureChanges: { times: 3 } }],
  metrics: [{ key: 'result', label: 'result' }, { key: 'map/a', label: 'a' }],
  hypotheses: [{ claim: 'Three is more.', metric: 'result', arm: 'three', against: 'two', expect: { above: 0 } }],
  curves: [{ title: 'Growth', advice: 'Up.', xLabel: 'turn', yLabel: 'size', curve: 'growth' }],
  heatMaps: [{ title: 'Map', advice: 'Look.', xLabel: 'x', yLabel: 'y', range: [0, 1],
    cells: [{ x: 'a', y: 'b', metric: 'map/a' }] }],
  prepare: async ({ seed, dir, sharedDir, settings }) => {
    log('prepare ' + seed);
    if (seed === broken) throw new Error('the well is dry');
    writeFileSync(join(dir, 'start.txt'), String(10 + seed + (settings.offset ?? 0)));
    return { measured: { same: Number(dir === sharedDir) } };
  },
  procedure: async ({ arm, seed, sharedDir, settings, progress, warn }) => {
    log(arm.name + ' ' + seed);
    const start = Number(readFileSync(join(sharedDir, 'start.txt'), 'utf8'));
    progress(0.5, 'half way');
    warn('numbers grow');
    return {
      measured: { result: start * settings.times, 'map/a': 0.25, missing: Number.NaN },
      curves: { growth: [[1, start], [2, start * settings.times]] },
    };
  },
};`;

const run = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  runCli(['ablate', 'mine.mjs', ...args], { cwd: temporary.path, env });
const calls = () => readFileSync(temporary.file('calls.txt'), 'utf8').trim().split('\n').sort();

beforeAll(() => writeFileSync(temporary.file('mine.mjs'), source));

describe('a study whose arms are procedures', () => {
  it('prepares each seed once, runs each arm on it and judges what came of them', async () => {
    const { stdout, stderr, code } = await run(['--out', 'whole', '--json']);
    expect([code, stderr.match(/warning: .*numbers grow/g)?.length]).toEqual([0, 1]);
    expect(calls()).toEqual(['prepare 0', 'prepare 1', 'three 0', 'three 1', 'two 0', 'two 1']);
    const { results } = JSON.parse(stdout);
    expect(results.arms.map((arm: { steps: null }) => arm.steps)).toEqual([null, null]);
    expect(results.arms[1].changes).toEqual(['times=3']);
    expect(results.arms[1].runs).toMatchObject([
      {
        measured: { result: 30, 'map/a': 0.25 },
        curves: {
          growth: [
            [1, 10],
            [2, 30],
          ],
        },
      },
      {
        measured: { result: 33 },
        curves: {
          growth: [
            [1, 11],
            [2, 33],
          ],
        },
      },
    ]);
    expect(results.arms[1].runs[0].measured.seconds).toBeGreaterThanOrEqual(0);
    expect(results.verdicts[0]).toMatchObject({ verdict: 'reproduced', found: { mean: 10.5, n: 2 } });
    expect(results.environment.backend).toBe('engine');
  });

  it('draws curves and maps, and leaves cells of its costs empty that it does not know', () => {
    const page = readFileSync(temporary.file('whole/report.html'), 'utf8');
    expect(htmlProblems(page)).toEqual([]);
    expect([...figuresOf(page).keys()]).toEqual(expect.arrayContaining(['curve-0', 'map-0-0', 'map-0-1']));
    expect(page).not.toContain('NaN');
    expect(readFileSync(temporary.file('whole/results.md'), 'utf8')).not.toContain('NaN');
  });

  it('does nothing twice, and runs further seeds alone', async () => {
    writeFileSync(temporary.file('calls.txt'), '');
    expect((await run(['--out', 'whole', '--seeds', '3'])).code).toBe(0);
    expect(calls()).toEqual(['prepare 2', 'three 2', 'two 2']);
  });

  it('has a quick size by its own settings, and no verdict at it', async () => {
    const { stdout } = await run(['--out', 'quick', '--quick', '--seeds', '1', '--json']);
    const { results } = JSON.parse(stdout);
    expect(results.arms[0].runs[0].measured.result).toBe(220);
    expect(results.verdicts[0].reason).toMatch(/^No verdicts: the rules need at least 2 seeds, and this is a quick/);
  });

  it('goes on with the other seeds if a preparation fails, and tries it again later', async () => {
    const failed = await run(['--out', 'broken'], { BROKEN_SEED: '0' });
    expect(failed.stdout).toMatch(/shared, seed 0: the well is dry/);
    expect(failed.stdout).toMatch(/two, seed 0: what all arms of seed 0 start from is missing; see the failure above/);
    expect(existsSync(temporary.file('broken/runs/two/seed-1/measured.json'))).toBe(true);
    expect((await run(['--out', 'broken'])).code).toBe(0);
  });

  it('cannot be shortened by steps', async () => {
    const { stderr, code } = await runInResident(['ablate', 'mine.mjs', '--steps', '3'], { cwd: temporary.path });
    expect([code, stderr]).toEqual([1, expect.stringContaining('the arms of mine are procedures of several stages')]);
  });
});

describe('checkStudy', () => {
  const study = { title: 't', equal: 'Equal.', arms: [{ name: 'a' }, { name: 'b' }] };
  const procedure = async () => ({ measured: {} });

  it.each([
    [{ prepare: procedure }, /prepare is for a study with a procedure/],
    [{ base: { procedureChanges: { a: 1 } } }, /procedureChanges are settings of a procedure, and the study has none/],
    [{ procedure, evaluate: procedure }, /a procedure returns all measurements itself/],
    [{ procedure, arms: [{ name: 'a' }, { name: 'b', variant: 'adam' }] }, /arm b has a variant or a stepsFactor/],
    [{ procedure: 'train' }, /procedure: a function/],
  ])('refuses %j', (changes, message) => {
    expect(() => checkStudy({ ...study, ...changes }, 'mine', 'mine')).toThrow(message);
  });
});

function workIn(dir: string, signal = new AbortController().signal): ArmWork {
  const model = { ...modelPreset('tiny'), ...nanoSettings.modelChanges };
  const data = writeText(join(temporary.path, 'text.txt'));
  const train = { ...trainPreset('tiny'), ...nanoSettings.trainChanges, batchSize: 2, seqLen: 17, steps: 12, data };
  const told = { progress: () => {}, warn: () => {} };
  return { arm: { name: 'a' }, seed: 0, model, train, settings: {}, dir, sharedDir: dir, signal, ...told };
}

describe('runProcedure', () => {
  it('keeps numbers and curves, without values that are not finite', async () => {
    const dir = temporary.file('kept');
    const curves = {
      loss: [
        [1, 2],
        [2, Number.NaN],
        [3, 1],
      ],
    } as const;
    expect(await runProcedure(async () => ({ measured: { a: 1, b: Number.NaN }, curves }), workIn(dir))).toBe(true);
    expect(readMeasured(dir)).toEqual({ a: 1, seconds: expect.any(Number) });
    expect(readProcedure(dir).curves).toEqual({
      loss: [
        [1, 2],
        [3, 1],
      ],
    });
  });

  it('takes an error for the stop only after the signal', async () => {
    const abort = new AbortController();
    const dir = temporary.file('stopped');
    const fail: Procedure = async () => {
      throw new Error('boom');
    };
    await expect(runProcedure(fail, workIn(dir, abort.signal))).rejects.toThrow('boom');
    abort.abort();
    expect(await runProcedure(fail, workIn(dir, abort.signal))).toBe(false);
    expect(readMeasured(dir)).toBe(null);
  });
});

describe('trainStage', () => {
  it('stops with the study, goes on to the same weights, and only reads a stage that is whole', async () => {
    const part = { name: 'base', from: 0, to: 1 };
    const whole = workIn(temporary.file('stage-whole'));
    const expected = await trainStage(whole, part, { model: whole.model, train: whole.train });
    const abort = new AbortController();
    const work = workIn(temporary.file('stage'), abort.signal);
    const options = { model: work.model, train: work.train };
    const onEvent = ({ type }: { readonly type: string }) => type === 'step' && abort.abort();
    await expect(trainStage(work, part, { ...options, onEvent })).rejects.toThrow(/abort/i);
    const again = workIn(work.dir);
    const steps: string[] = [];
    const watched = { ...again, progress: (share: number, doing: string) => steps.push(`${share} ${doing}`) };
    const found = await trainStage(watched, part, options);
    expect([found.steps, found.evalLoss]).toEqual([expected.steps, expected.evalLoss]);
    expect(steps.at(-1)).toMatch(/^1 base 12\/12 loss \d/);
    expect(steps).toHaveLength(11);
    await trainStage(watched, part, options);
    expect(steps).toHaveLength(11);
  });
});
