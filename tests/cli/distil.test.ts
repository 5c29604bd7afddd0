// `tinyseek distil` and `tinyseek sample`: what they print for programs, and what they say of bad input.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-distil-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const task = 'chain:operations=2:modulus=3';
const out = join(folder, 'run');
const steps = ['--sft-steps', '20', '--rl-steps', '1', '--student-steps', '2', '--problems', '12'];
const all = ['--task', task, ...steps, '--out', out, '--threads', '1', '--json'];

describe('tinyseek distil and sample', () => {
  it('go from expert to student, and give answers that sft reads', async () => {
    const { code, stdout, stderr } = await runCli(['distil', ...all]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Stage 4 of 4')]);
    const { run, answers, stages } = JSON.parse(stdout);
    expect([run, answers]).toEqual([out, join(out, 'answers.jsonl')]);
    expect(stages.sampling).toMatchObject({ problems: 12, samples: 4, kept: expect.any(Number) });
    for (const stage of [stages.expertSft, stages.expertRl, stages.student]) {
      expect(stage).toMatchObject({ before: { passAt1: expect.any(Number) }, after: { passAt1: expect.any(Number) } });
    }
    const file = join(folder, 'answers.jsonl');
    const asked = [join(out, 'expert-sft'), '--task', task, '--problems', '12', '--keep', 'right', '--system', '!'];
    const sampled = await runCli(['sample', ...asked, '--out', file, '--threads', '1', '--json']);
    expect([sampled.code, sampled.stderr]).toEqual([0, '']);
    const found = JSON.parse(sampled.stdout);
    expect(found).toMatchObject({ file, task, problems: 12, samples: 4 });
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(found.kept);
    const run2 = join(folder, 'student');
    const learn = ['--data', file, '--task', task, '--samples', '0', '--template', 'plain', '--steps', '1'];
    const learned = await runCli(['sft', ...learn, '--out', run2, '--threads', '1', '--json']);
    expect([learned.code, existsSync(join(run2, 'run.json'))]).toEqual([0, true]);
    expect(JSON.parse(learned.stdout).after).toHaveProperty('passAt1');
  });

  it.each<[args: string[], message: string]>([
    [['distil'], 'expected a task; give --task'],
    [['distil', '--task', 'chian'], 'did you mean chain?'],
    [['distil', '--task', 'copy', '--out', join(folder, 'copy')], 'has no solutions with steps'],
    [['distil', '--task', task, '--samples', 'many'], '--samples'],
    [['sample', folder], 'expected a task; give --task'],
    [['sample', folder, '--task', 'chain'], 'Give --out answers.jsonl'],
    [['sft', '--task', 'chain', '--samples', '0'], 'samples must be a whole number from 1 on'],
  ])('say what is wrong: %j', async (args, message) => {
    const { code, stderr } = await runCli(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});
