import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const run = (...args: string[]): Promise<CliResult> =>
  runInResident([...args, '--threads', '1'], { cwd: temporary.path });
const short = ['--samples', '200', '--steps', '3', '--set', 'evalEvery=0'];

beforeAll(async () => {
  const chats = Array.from({ length: 30 }, (_, i) => ({
    prompt: `Where does heron ${i} sleep?`,
    response: `In tree ${i % 7}.`,
  }));
  writeFileSync(temporary.file('chats.jsonl'), chats.map((row) => JSON.stringify(row)).join('\n'));
  writeFileSync(temporary.file('broken.jsonl'), `${JSON.stringify(chats[0])}\n{"text": "A heron."}\n`);
  const { code, stderr } = await run('sft', '--task', 'chain', ...short, '--out', 'chain', '--json');
  expect([stderr, code]).toEqual([stderr, 0]);
});

describe('tinyseek sft', () => {
  it("gives train's object, and the task before and after", async () => {
    const { code, stdout, stderr } = await run('sft', 'chain', '--task', 'chain', ...short, '--out', 'again', '--json');
    expect([stderr, code]).toEqual([stderr, 0]);
    const result = JSON.parse(stdout);
    const measured = { passAt1: expect.any(Number), passAtK: expect.any(Number), k: 8, problems: 128 };
    expect(result).toMatchObject({ run: 'again', steps: 3, before: measured, after: measured });
    expect(existsSync(temporary.file('again/report.html'))).toBe(true);
  });

  it('learns from conversations, goes on, and is a chat model', async () => {
    const { code, stdout, stderr } = await run(
      'sft',
      '--data',
      'chats.jsonl:2',
      '--steps',
      '3',
      '--out',
      'chats',
      '--json',
    );
    expect([stderr, code]).toEqual([stderr, 0]);
    expect(JSON.parse(stdout)).toMatchObject({ steps: 3, before: null, after: null });
    const { checkpoint } = JSON.parse(stdout);
    const config = JSON.parse(readFileSync(temporary.file(`${checkpoint}/tokenizer_config.json`), 'utf8'));
    expect(config.chat_template).toContain('Assistant:');
    const longer = await run('sft', '--resume', 'chats', '--steps', '4', '--json');
    expect([longer.stderr, longer.code]).toEqual([longer.stderr, 0]);
    expect(JSON.parse(longer.stdout).steps).toBe(4);
  });

  it.each([
    [['sft'], /nothing to learn from/],
    [['sft', '--data', 'broken.jsonl'], /broken\.jsonl: line 2: expected questions with answers/],
    [['sft', '--data', 'no.jsonl'], /no such file or folder: no\.jsonl/],
    [['sft', '--task', 'chian'], /did you mean chain/],
    [['sft', 'chain', '--task', 'chain', '--preset', 'tiny'], /for a model from scratch/],
    [['sft', 'chain', '--task', 'chain', '--set', 'hiddenSize=32'], /the shape is that of the checkpoint/],
    [['sft', 'chain', '--resume', 'chain'], /leave the checkpoint out/],
    [['train', '--resume', 'chain'], /is a run of tinyseek sft; carry it on with tinyseek sft --resume/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run(...args);
    expect([code, stderr.replaceAll(/\s+/g, ' ')]).toEqual([1, expect.stringMatching(message)]);
  });
});

describe('tinyseek eval --tasks', () => {
  it('gives the numbers of every task', async () => {
    const tasks = 'chain,chain:operations=2';
    const { code, stdout, stderr } = await run(
      'eval',
      'chain',
      '--tasks',
      tasks,
      '--samples',
      '2',
      '--problems',
      '9',
      '--json',
    );
    expect([stderr, code]).toEqual([stderr, 0]);
    const numbers = ['ended', 'interval', 'meanLength', 'passAt1', 'passAtK'];
    for (const name of tasks.split(',')) {
      expect(
        Object.keys(JSON.parse(stdout).tasks[name])
          .filter((key) => numbers.includes(key))
          .sort(),
      ).toEqual(numbers);
    }
  });

  it('prints a table, and some answers', async () => {
    const { stdout } = await run('eval', 'chain', '--tasks', 'chain', '--problems', '9');
    expect(stdout).toMatch(/task +problems +pass@1 +95 % interval/);
    expect(stdout).toMatch(/Some answers:\n {2}(right|wrong) /);
  });

  it.each([
    [['--samples', '3'], /--samples: only for tasks/],
    [['--tasks', 'chain', '--data', 'math'], /give one of the two/],
    [['--tasks', 'nothing'], /unknown task "nothing"/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run('eval', 'chain', ...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});
