// What `cluster train` and `cluster trace` print and refuse.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const model = [...nano, '--set', 'numHiddenLayers=2', '--batch-size', '4', '--steps', '3'];

async function failure(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runInResident(['cluster', ...args], { cwd: temporary.path });
  expect([stderr, code]).toEqual([stderr, 1]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tinyseek: /m);
  expect(stderr).not.toMatch(/^\s+at /m);
  return stripVTControlCharacters(stderr).replaceAll(/\s+/g, ' ');
}

describe('cluster train', () => {
  let data: string;
  let run: Record<string, unknown>;
  beforeAll(async () => {
    data = writeText(temporary.file('text.txt'));
    const args = ['cluster', 'train', ...model, '--threads', '1', '--data', data, '--out', 'run', '--json'];
    const layout = ['--layout', 'pp=2,ep=2', '--schedule', 'zb1p', '--micro-batches', '2'];
    const { code, stdout, stderr } = await runCli([...args, ...layout], { cwd: temporary.path });
    expect([stderr, code]).toEqual([stderr, 0]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    run = JSON.parse(stdout);
  });

  it('prints one object: that of train, the layout and what each rank took (contract)', () => {
    const bytes = expect.any(Number);
    expect(run).toEqual({
      run: 'run',
      steps: 3,
      finalLoss: expect.any(Number),
      evalLoss: expect.any(Number),
      bitsPerByte: expect.any(Number),
      tokensPerSecond: expect.any(Number),
      seconds: expect.any(Number),
      checkpoint: join('run', 'checkpoints', 'step-00000003'),
      layout: { pp: 2, ep: 2, dp: 1 },
      schedule: 'zb1p',
      microBatches: 2,
      ranks: [0, 1, 2, 3].map((rank) => ({
        rank,
        peakBytes: bytes,
        parameterBytes: bytes,
        optimizerBytes: bytes,
        activationBytes: bytes,
        peakPasses: bytes,
        sentBytes: bytes,
        sent: { pipeline: bytes, experts: bytes, gradients: bytes, parameters: bytes },
        sentBetweenNodes: bytes,
      })),
    });
  });

  it('trains as `train` does with as many parts of a batch', async () => {
    const args = ['train', ...model, '--threads', '1', '--data', data, '--set', 'gradAccumSteps=4', '--json'];
    const { stdout } = await runCli(args, { cwd: temporary.path });
    // Sums of float32 in another order, within the bar for divided experts.
    expect(Math.abs(JSON.parse(stdout).finalLoss / (run.finalLoss as number) - 1)).toBeLessThan(1e-5);
  });

  it('goes on in another layout, and shows for people what each rank took', async () => {
    const args = ['cluster', 'train', '--resume', 'run', '--steps', '4', '--layout', 'dp=2'];
    const { code, stdout, stderr } = await runCli(args, { cwd: temporary.path, columns: 100 });
    expect([stderr, code]).toEqual([stderr, 0]);
    const lines = stripVTControlCharacters(stdout).split('\n');
    const at = lines.indexOf('1f1b over pp=1, ep=1, dp=2, 2 micro-batches a pipeline');
    expect(lines[at + 1]).toMatch(/^ *rank +peak +weights +moments +activations +sent/);
    expect(lines.slice(at + 2, at + 5).join('\n')).toMatch(/0 .*B\n.*1 .*B/s);
    expect(stripVTControlCharacters(stderr)).toMatch(/rank 1 \(pp 0, ep 0, dp 1\): stage 0, [\d.]+ MB of weights/);
  });

  it.each([
    [
      'a layout that does not divide',
      ['--layout', 'ep=3'],
      /ep=3 does not divide the 4 experts.*try --layout pp=1,ep=2/,
    ],
    [
      'more stages than layers',
      ['--layout', 'pp=4'],
      /into 4 stages, and it has 2 layers; try --layout pp=2,ep=1,dp=1/,
    ],
    [
      'micro-batches that a schedule refuses',
      ['--layout', 'pp=2', '--schedule', 'dualpipe', '--micro-batches', '2'],
      /dualpipe takes .* found 2 ranks and 2 micro-batches; try --layout pp=2,ep=1,dp=1 --schedule dualpipe --micro-batches 4/,
    ],
    ['a batch that cannot be cut', ['--layout', 'dp=3'], /a batch of 4 rows cannot be cut into 3.*--batch-size 3/],
    ['a layout that is none', ['--layout', 'tp=2'], /expected pp=16,ep=64,dp=2 .* found "tp=2"/],
    ['a schedule that there is not', ['--schedule', 'dualpip'], /did you mean dualpipe\?/],
    ['another backend', ['--backend', 'cpu'], /take --backend engine/],
  ])('refuses %s, and says what works', async (_, args, message) => {
    expect(await failure('train', ...model, '--data', data, ...args)).toMatch(message);
  });

  it('refuses to go on in a layout that the parts of the run do not fit', async () => {
    expect(await failure('train', '--resume', 'run', '--steps', '9', '--layout', 'dp=3')).toMatch(
      /4 parts \(gradAccumSteps\), which 3 pipelines cannot share; try --layout pp=1,ep=1,dp=2/,
    );
    expect(
      await failure('train', '--resume', 'run', '--steps', '9', '--layout', 'dp=2', '--micro-batches', '3'),
    ).toMatch(/2 for each pipeline; found --micro-batches 3, leave it out/);
  });

  it('cluster trace prints one object about the trace that it writes (contract)', async () => {
    const args = ['cluster', 'trace', 'run', '--tokens', '64', '--out', 'routing.json', '--json'];
    const { code, stdout, stderr } = await runInResident(args, { cwd: temporary.path });
    expect([stderr, code]).toEqual([stderr, 0]);
    expect(JSON.parse(stdout)).toEqual({
      trace: 'routing.json',
      checkpoint: expect.stringContaining('step-0000000'),
      experts: 4,
      expertsPerToken: 2,
      layers: [0, 1],
      texts: [{ domain: expect.any(String), tokens: 64 }],
    });
    const { format, texts } = JSON.parse(readFileSync(temporary.file('routing.json'), 'utf8'));
    expect(format).toBe('tinyseek-routing-1');
    expect(texts[0].choices[0]).toHaveLength(64);
    writeFileSync(temporary.file('mine.json'), '{"mine": true}');
    expect(await failure('trace', 'run', '--out', 'mine.json')).toContain('choose another file with --out');
    const other = await failure('simulate', '--preset', 'tiny', '--layout', 'ep=4', '--trace', 'routing.json');
    expect(other).toContain('it is of a model with 2 of 4 experts a token, and this one has 4 of 16');
  });
});
