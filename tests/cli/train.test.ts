import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

function nanoTrain(...args: string[]) {
  const data = writeText(temporary.file('text.txt'));
  return runCli(['train', ...nano, '--data', data, ...args], { cwd: temporary.path });
}

describe('train', () => {
  it('prints one JSON object about the run, and everything else on standard error', async () => {
    const { code, stdout, stderr } = await nanoTrain('--steps', '7', '--out', 'json', '--json');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = JSON.parse(stdout);
    expect(result).toEqual({
      run: 'json',
      steps: 7,
      finalLoss: expect.any(Number),
      evalLoss: expect.any(Number),
      bitsPerByte: expect.any(Number),
      tokensPerSecond: expect.any(Number),
      seconds: expect.any(Number),
      checkpoint: join('json', 'checkpoints', 'step-00000007'),
    });
    for (const file of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      expect([file, existsSync(temporary.file(join(result.checkpoint, file)))]).toEqual([file, true]);
    }
    expect(readFileSync(temporary.file('json/report.html'), 'utf8')).toMatch(/^<!doctype html>/);
    expect(stderr).toMatch(
      /^Model: [\d.]+ k parameters,.* 1 layer,\s+4 experts \(top 2 \+ 1 shared\),\s+backend engine,\s+\d+ threads?,\s+variant \S+\n/,
    );
    expect(stderr).toMatch(/step 7\/7, loss \d/);
    expect(stderr).not.toContain('\x1b');
  });

  it('says for people how good the model is, where everything lies and what to do next', async () => {
    const { code, stdout, stderr } = await nanoTrain('--steps', '3', '--out', 'human');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Held-out text: [\d.]+ bits per byte; Brotli needs [\d.]+ for the same text/);
    expect(stdout).toMatch(/Checkpoint +human\/checkpoints\/step-00000003/);
    expect(stdout).toMatch(/Report +human\/report\.html/);
    expect(stdout).toMatch(/main\.js eval human\n/);
    expect(stderr.match(/Sample at step/g)).toHaveLength(3);
  });

  it('names the run folder after preset, data and time', async () => {
    const { stdout } = await nanoTrain('--steps', '1', '--json');
    expect(JSON.parse(stdout).run).toMatch(/^runs\/tiny-text\.txt-\d{8}-\d{6}$/);
  });
});

describe('training that cannot be', () => {
  async function failure(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runInResident(['train', ...nano, ...args], { cwd: temporary.path });
    expect([stderr, code]).toEqual([stderr, 1]);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^tinyseek: /);
    expect(stderr).not.toMatch(/^\s+at /m);
    return stderr;
  }

  function file(name: string, contents: string | Uint8Array): string {
    writeFileSync(temporary.file(name), contents);
    return temporary.file(name);
  }

  it('because of its data names what is wrong and where', async () => {
    expect(await failure('--data', 'moby-dik')).toMatch(/"moby-dik".*did you mean "moby-dick"/);
    expect(await failure('--data', './none.txt')).toContain('none.txt');
    expect(await failure('--data', file('empty.txt', ''))).toContain('empty.txt');
    expect(await failure('--data', file('binary.txt', Buffer.from([104, 0, 1, 2, 0, 3])))).toContain('binary.txt');
    expect(await failure('--data', file('latin1.txt', Buffer.from('caf\xe9 '.repeat(99), 'latin1')))).toMatch(
      /latin1\.txt.*UTF-8/,
    );
    expect(await failure('--data', file('short.txt', 'Call me.'))).toMatch(/short/);
  });

  it('because of its settings names key and value, before anything is written', async () => {
    expect(await failure('--steps', 'many')).toMatch(/steps.*many/);
    expect(await failure('--steps', '-3')).toMatch(/steps.*-3/);
    expect(await failure('--set', 'stepz=3')).toMatch(/"stepz".*did you mean steps/);
    expect(await failure('--set', 'tokenizer=byts')).toMatch(/"byts".*did you mean "bytes"/);
    expect((await runInResident(['train', '--preset', 'deepseek-v3'])).stderr).toMatch(/^tinyseek: .*counting only/);
  });

  it('because of its backend names the nearest one, or how to get it', async () => {
    expect(await failure('--backend', 'wams')).toMatch(/wams.*did you mean wasm/);
    const data = writeText(temporary.file('text.txt'));
    expect(await failure('--backend', 'tensorflow', '--data', data)).toMatch(/npm install @tensorflow\/tfjs-node/);
  });

  it('because of its folder names the folder', async () => {
    const data = writeText(temporary.file('text.txt'));
    const blocked = join(file('a-file', 'x'), 'run');
    expect(await failure('--data', data, '--steps', '1', '--out', blocked)).toContain(blocked);
    expect(await failure('--resume', 'no-such-run')).toContain('no-such-run');
  });
});
