import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { studies } from '../../src/experiments/studies/index.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { htmlProblems } from '../report/html-check.ts';
import { nanoSettings, writeText } from './nano.ts';
import { type CliResult, runCli, runInResident, startHeld, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const steps = 60;
const verdictWords = /reproduced|contradicted|not distinguishable/i;

/** Two arms of the nano model, as somebody would write them down. */
function writeStudy(name: string, changes: object = {}): void {
  const { modelChanges, trainChanges } = nanoSettings;
  const study = {
    title: 'Does the bias balance?',
    equal: 'Equal tokens.',
    seeds: 2,
    quick: { trainChanges: { steps: 20, evalEvery: 10 } },
    base: {
      modelChanges,
      trainChanges: {
        ...trainChanges,
        data: temporary.file('text.txt'),
        steps,
        evalEvery: 20,
        batchSize: 2,
        seqLen: 17,
      },
    },
    arms: [
      { name: 'bias', trainChanges: { expertBiasUpdateSpeed: 0.02 } },
      { name: 'none', trainChanges: { balancing: 'none' } },
    ],
    metrics: [
      { key: 'loss', label: 'held-out loss' },
      { key: 'maxVioGlobal', label: 'MaxVio' },
    ],
    hypotheses: [{ claim: 'It does.', metric: 'maxVioGlobal', arm: 'bias', against: 'none', expect: { below: 0 } }],
    ...changes,
  };
  writeFileSync(temporary.file(name), stringify(study));
}

const studyArgs = (out: string) => ['ablate', 'mine.yaml', '--seeds', '2', '--out', out];

function run(out: string, ...args: string[]): Promise<CliResult> {
  return runInResident([...studyArgs(out), ...args], { cwd: temporary.path });
}

/** A study, one run at a time, that holds still in its second one, after ten steps. */
function startHeldInSecondRun(out: string) {
  const at = join(out, 'runs', 'none', 'seed-0', 'checkpoints', 'step-00000010');
  return startHeld([...studyArgs(out), '--threads', '1'], { cwd: temporary.path, at });
}

interface Found {
  readonly results: {
    readonly arms: { readonly name: string; readonly runs: { readonly measured: Record<string, number> }[] }[];
  };
}

/** Every number of every run that does not depend on the clock. */
function numbers({ stdout }: CliResult) {
  const { results }: Found = JSON.parse(stdout);
  return results.arms.map(({ name, runs }) => [name, runs.map(({ measured: { seconds: _, ...rest } }) => rest)]);
}

let whole: CliResult;

beforeAll(async () => {
  writeText(temporary.file('text.txt'));
  writeStudy('mine.yaml');
  whole = await runCli([...studyArgs('whole'), '--json'], { cwd: temporary.path });
  expect([whole.stderr, whole.code]).toEqual([whole.stderr, 0]);
});

describe('a study', () => {
  it('has a value for every metric of every arm and seed, and a verdict for every claim', () => {
    const { results, finished } = JSON.parse(whole.stdout);
    expect(finished).toBe(true);
    expect(results.arms.map((arm: { runs: object[] }) => arm.runs.length)).toEqual([2, 2]);
    expect(results.arms[1].cells[0].difference.n).toBe(2);
    expect(results.verdicts[0]).toMatchObject({
      rule: 'maxVioGlobal: bias minus none is below 0',
      found: { n: 2 },
      verdict: expect.stringMatching(verdictWords),
    });
  });

  it('says what repeats it, with what, and on which machine', () => {
    const { results } = JSON.parse(whole.stdout);
    expect(results.command).toMatch(/^node .*main\.js ablate mine\.yaml --seeds 2 --out whole$/);
    expect(results.environment).toEqual({
      tinyseek: '0.1.0',
      node: process.version,
      machine: expect.stringMatching(/core/),
      backend: 'engine',
    });
  });

  it('leaves JSON, CSV, Markdown and a page', () => {
    const read = (name: string) => readFileSync(temporary.file(`whole/${name}`), 'utf8');
    expect(JSON.parse(read('results.json'))).toEqual(JSON.parse(whole.stdout).results);
    expect(read('results.csv').split('\n')).toHaveLength(6);
    expect(read('results.csv')).toMatch(/^arm,seed,loss,.*\nbias,0,\d/);
    expect(read('results.md')).toMatch(/^# Does the bias balance\?\n[\s\S]*\| It does\. \|/);
    expect(htmlProblems(read('report.html'))).toEqual([]);
    expect([...figuresOf(read('report.html')).keys()]).toContain('max-vio');
  });

  it('is not run again when it is whole', async () => {
    const again = await run('whole');
    expect([again.stderr, again.code]).toEqual(['', 0]);
    expect(again.stdout).toContain('Report: whole/report.html');
  });

  it('takes more seeds later, and runs those alone', async () => {
    const more = await runInResident(['ablate', 'mine.yaml', '--seeds', '3', '--out', 'whole'], {
      cwd: temporary.path,
    });
    expect(more.code).toBe(0);
    expect(more.stderr.match(/, seed \d: \d of \d/g)).toEqual([', seed 2: 5 of 6', ', seed 2: 6 of 6']);
  });

  it.each([
    ['quick', ['--quick', '--out', 'quick'], 'a quick study of 2 seeds of 20 steps. Run it without --quick to'],
    ['of one seed', ['--seeds', '1'], 'a study of 1 seed of 60 steps. Run it without --seeds to'],
  ])('that is %s has numbers and no verdict, in the terminal and in its files', async (_what, args, reason) => {
    const { code, stdout } = await run('whole', ...args);
    expect(code).toBe(0);
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain(`No verdicts: the rules need at least 2 seeds of 60 steps, and this is ${reason}`);
    expect(stdout).toMatch(/^bias {2,}\d/m);
    expect(stdout).toMatch(/Claims, and what was found:\nIt does\.\n {2}found /);
    const files = ['results.json', 'results.md', 'report.html'].map((name) =>
      readFileSync(temporary.file(`${args.includes('--quick') ? 'quick' : 'whole'}/${name}`), 'utf8'),
    );
    expect(JSON.parse(files[0] ?? '').verdicts).toMatchObject([
      { verdict: null, reason: expect.stringContaining(reason) },
    ]);
    for (const shown of [stdout, ...files])
      expect(shown.replace(/<style>[\s\S]*?<\/style>/, '')).not.toMatch(verdictWords);
  });

  it('refuses to go on at another size', async () => {
    const other = await run('whole', '--steps', '7');
    expect(other.stderr).toMatch(/^tinyseek: study: whole holds a study with other settings \(steps\)/);
    expect(other.code).toBe(1);
  });
});

describe('a study that was stopped', () => {
  it('by Ctrl-C says how to go on, and ends with the same numbers', async () => {
    const held = await startHeldInSecondRun('stopped');
    held.child.kill('SIGINT');
    await held.until('Stopping after this step');
    held.release();
    const stopped = await held.result;
    expect(stopped.stderr).toContain('1 of 4 runs done');
    expect(stopped.stderr).not.toContain('2 of 4 runs done');
    expect(stopped.stdout).toMatch(
      /Stopped; nothing is lost\. Go on with:\n {2}node .* ablate mine\.yaml --seeds 2 --out stopped\n/,
    );
    expect(stopped.code).toBe(130);
    const resumed = await run('stopped', '--json');
    expect([resumed.code, numbers(resumed)]).toEqual([0, numbers(whole)]);
  });

  it('by being killed goes on from the last checkpoints to the same numbers', async () => {
    const held = await startHeldInSecondRun('killed');
    held.child.kill('SIGKILL');
    expect((await held.result).code).toBe(null);
    const resumed = await run('killed', '--json');
    expect([resumed.code, numbers(resumed)]).toEqual([0, numbers(whole)]);
  });
});

describe('what goes wrong', () => {
  it('in one run does not keep the others from going on', async () => {
    const arms = [{ name: 'good' }, { name: 'bad', trainChanges: { learningRate: 1e30, maxGradNorm: 0 } }];
    writeStudy('bad.yaml', { arms, hypotheses: [] });
    const { code, stdout } = await runInResident(['ablate', 'bad.yaml', '--seeds', '1', '--out', 'bad'], {
      cwd: temporary.path,
    });
    expect(stdout).toMatch(/1 run failed; the same command tries them again:\nbad, seed 0: training: expected finite/);
    expect(stdout).toMatch(/1 of 2 runs are done/);
    expect(code).toBe(1);
  });

  it.each([
    [[], /^tinyseek: ablate: which study\?/],
    [['balanse'], /^tinyseek: study "balanse": .* did you mean balance\?/],
    [['balance', '--seeds', 'many'], /^tinyseek: --seeds: expected a whole number/],
  ])('in the arguments %j is one message', async (args, message) => {
    const { code, stderr } = await runInResident(['ablate', ...args], { cwd: temporary.path });
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });
});

describe('ablate --list', () => {
  it('names every study and what it asks', async () => {
    const { stdout, code } = await runCli(['ablate', '--list']);
    for (const { name, title } of studies) expect(stdout).toContain(`${name}: ${title}`);
    expect(code).toBe(0);
    const json = JSON.parse((await runInResident(['ablate', '--list', '--json'])).stdout);
    expect(json.studies).toHaveLength(studies.length);
  });
});
