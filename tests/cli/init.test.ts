import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { type CliResult, runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const shape = nano.slice(0, nano.indexOf('tokenizer=bytes') - 1);
const short = ['--steps', '3', '--batch-size', '2', '--seq-len', '17', '--set', 'sampleTokens=3', '--json'];

function train(...args: string[]): Promise<CliResult> {
  return runInResident(['train', ...args], { cwd: temporary.path });
}

beforeAll(async () => {
  writeText(temporary.file('text.txt'));
  writeText(temporary.file('other.txt'));
  const { code, stderr } = await train(...nano, '--data', 'text.txt', '--steps', '20', '--out', 'first', '--json');
  expect([stderr, code]).toEqual([stderr, 0]);
  await runInResident(['export', 'first', '--out', 'exported', '--dtype', 'f32'], { cwd: temporary.path });
});

describe('--init', () => {
  it.each(['first', 'first/checkpoints/step-00000010', 'exported'])(
    'starts from %s: its shape, its tokenizer, other text',
    async (init) => {
      const { code, stdout, stderr } = await train('--init', init, '--data', 'other.txt', ...short);
      expect([stderr, code]).toEqual([stderr, 0]);
      expect(stderr.replace(/\s+/g, ' ')).toMatch(
        /Starting from the weights of \S+ \(SHA-256 \w{12}\), with a new optimizer, at step 0/,
      );
      const result = JSON.parse(stdout);
      expect(result.run).toMatch(/^runs\/(first|step-00000010|exported)-other\.txt-/);
      const run = JSON.parse(readFileSync(temporary.file(`${result.run}/run.json`), 'utf8'));
      expect(run.model).toMatchObject({ hiddenSize: 16, vocabSize: 261 });
      expect(run.init.path).toMatch(/^(first\/checkpoints\/step-000000[12]0|exported)$/);
      const card = await runInResident(['export', result.run, '--out', `card-${init.replaceAll('/', '-')}`], {
        cwd: temporary.path,
      });
      expect([card.stderr, card.code]).toEqual([card.stderr, 0]);
      const text = readFileSync(temporary.file(`card-${init.replaceAll('/', '-')}/README.md`), 'utf8');
      expect(text).toContain(`Trained from the weights of \`${run.init.path}\` on \`other.txt\`.`);
    },
  );

  it('takes settings of the shape that agree', async () => {
    const args = ['train', '--init', 'first', '--data', 'other.txt', ...shape, ...short];
    const { code, stderr } = await runCli(args, { cwd: temporary.path });
    expect([stderr, code]).toEqual([stderr, 0]);
  });

  it('names both sides of what does not agree, before anything is written', async () => {
    const wrong = (...args: string[]) =>
      train('--init', 'first', '--data', 'other.txt', ...short, '--out', 'wrong', ...args);
    expect((await wrong('--set', 'hiddenSize=64', '--set', 'nSharedExperts=2')).stderr).toMatch(
      /^tinyseek: init: the model in first\/checkpoints\/step-00000020 has another shape: hiddenSize is 16 there, and 64 was asked for, nSharedExperts is 1 there, and 2 was asked for; leave/,
    );
    expect((await wrong('--set', 'tokenizer=bpe:300')).stderr).toMatch(
      /has the tokenizer bytes \(261 tokens\), and bpe:300 was asked for; leave the tokenizer out/,
    );
    expect((await wrong('--preset', 'tiny')).stderr).toMatch(/hiddenSize is 16 there, and 128 was asked for/);
    expect((await wrong('--init', 'nowhere')).stderr).toMatch(/^tinyseek: init: cannot read nowhere/);
    expect((await wrong('--seq-len', '600')).stderr).toMatch(/seqLen \(600\) must be at most maxPositionEmbeddings/);
    const { stdout } = await runInResident(['report', 'wrong'], { cwd: temporary.path });
    expect(stdout).toBe('');
  });
});
