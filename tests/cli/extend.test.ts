import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, startHeld, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const extend = (...args: string[]) => runInResident(['extend', ...args], { cwd: temporary.path });
const json = (path: string) => JSON.parse(readFileSync(temporary.file(path), 'utf8'));
const configOf = (run: string) => json(`${run}/checkpoints/step-00000004/config.json`);

beforeAll(async () => {
  writeText(temporary.file('text.txt'));
  const args = ['train', ...nano, '--data', 'text.txt', '--steps', '6', '--out', 'base'];
  expect((await runCli(args, { cwd: temporary.path })).code).toBe(0);
});

describe('tinyseek extend', () => {
  it('trains two stages under the positions of the whole extension, and returns the object of train', async () => {
    const { code, stdout, stderr } = await extend('base', '--factor', '4', '--steps', '4', '--out', 'long', '--json');
    expect([code, stderr]).toEqual([0, expect.stringContaining('Context: 68 tokens, by YaRN, factor 4 from 17')]);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual([
      ...['run', 'steps', 'finalLoss', 'evalLoss', 'bitsPerByte', 'tokensPerSecond', 'seconds', 'checkpoint'],
    ]);
    expect(result).toMatchObject({ run: 'long', steps: 4 });
    const [first, second] = ['long-stage-1', 'long'].map((run) => json(`${run}/run.json`));
    expect([first.train.seqLen, second.train.seqLen]).toEqual([34, 68]);
    expect([first.train.batchSize, second.train.batchSize]).toEqual([1, 1]);
    expect(second.train).toMatchObject({ data: 'text.txt', lrSchedule: 'constant', alternateSeqLen: 0 });
    expect(second.init.path).toMatch(/^long-stage-1\/checkpoints\//);
    for (const run of ['long-stage-1', 'long'])
      expect(configOf(run)).toMatchObject({
        max_position_embeddings: 68,
        rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 17 },
      });
  });

  it('only says again what came of it when it is whole', async () => {
    const again = await extend('base', '--factor', '4', '--steps', '4', '--out', 'long', '--json');
    expect([again.code, JSON.parse(again.stdout).steps]).toEqual([0, 4]);
  });

  it('extends an extended model from its original length', async () => {
    const { code } = await extend('long', '--factor', '1.5', '--stages', '1', '--steps', '4', '--out', 'longer');
    expect(code).toBe(0);
    expect(configOf('longer')).toMatchObject({
      max_position_embeddings: 102,
      rope_scaling: { factor: 6, original_max_position_embeddings: 17 },
    });
  });

  it('mixes rows of both lengths, interpolates positions, and takes lengths of its own', async () => {
    const args = ['--factor', '4', '--lengths', '51', '--type', 'linear', '--mix', '--steps', '4', '--out', 'mixed'];
    const { code, stderr } = await extend('base', ...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining('by position interpolation, factor 4 from 17')]);
    expect(json('mixed/run.json').train).toMatchObject({ seqLen: 51, alternateSeqLen: 17 });
    expect(configOf('mixed').rope_scaling).toEqual({ type: 'linear', factor: 4 });
  });

  it('goes on where it was killed, to the same loss', async () => {
    const args = ['extend', 'base', '--factor', '2', '--stages', '1', '--steps', '30'];
    const whole = await extend(...args.slice(1), '--out', 'uncut', '--json');
    const at = 'cut/checkpoints/step-00000010';
    const held = await startHeld([...args, '--out', 'cut'], { cwd: temporary.path, at });
    held.child.kill('SIGKILL');
    await held.result;
    const resumed = await extend(...args.slice(1), '--out', 'cut', '--json');
    expect(resumed.code).toBe(0);
    const [expected, found] = [whole, resumed].map(({ stdout }) => JSON.parse(stdout));
    expect([found.steps, found.finalLoss, found.evalLoss]).toEqual([30, expected.finalLoss, expected.evalLoss].flat());
  });

  it.each([
    [['base'], /extend: how many times longer\? For example `.* extend CHECKPOINT --factor 4`/],
    [['base', '--factor', '1'], /the factor is how many times longer the context becomes, above 1, found 1; try 4/],
    [['base', '--factor', 'many'], /--factor: expected a number above 0, found "many"/],
    [['base', '--factor', '4', '--type', 'ntk'], /--type: expected yarn or linear, found "ntk"/],
    [['base', '--factor', '4', '--lengths', '34', '--stages', '2'], /--lengths names one length for each stage/],
    [['base', '--factor', '4', '--lengths', '34,20'], /the lengths 34, 20 do not grow from 17 tokens on; name lengths/],
    [['base', '--factor', '4', '--lengths', '34,96'], /the lengths 34, 96 reach beyond the extended context; .* 68/],
    [
      ['base', '--factor', '2000', '--stages', '1', '--steps', '1'],
      /9725 training tokens, fewer than the 34001 of one row/,
    ],
    [['long', '--factor', '4', '--type', 'linear'], /extended by YaRN already, which position interpolation cannot/],
    [['base', '--factor', '4', '--steps', '9', '--out', 'long'], /started with other settings: steps is 4, not 9/],
    [
      ['long', '--factor', '2', '--stages', '1', '--out', 'longer'],
      /longer was started with other settings: .*ropeScaling is .*/,
    ],
    [['nowhere', '--factor', '4'], /nowhere/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await extend(...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});
