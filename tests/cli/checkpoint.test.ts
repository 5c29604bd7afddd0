import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

let trained: { evalLoss: number; bitsPerByte: number; checkpoint: string };

beforeAll(async () => {
  const data = writeText(temporary.file('text.txt'));
  const args = ['train', ...nano, '--set', 'numNextnPredictLayers=1', '--data', data, '--steps', '5', '--out', 'run'];
  const { stdout } = await cli(...args, '--json');
  trained = JSON.parse(stdout);
});

function cli(...args: string[]) {
  return runInResident(args, { cwd: temporary.path });
}

async function failure(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(...args);
  expect([stderr, code]).toEqual([stderr, 1]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tinyseek: .*\n$/);
  return stderr;
}

describe('eval', () => {
  it('of a run finds, bit for bit, what training found at its end', async () => {
    const { code, stdout, stderr } = await runCli(['eval', 'run', '--json'], { cwd: temporary.path });
    expect(JSON.parse(stdout)).toEqual({
      loss: trained.evalLoss,
      perplexity: Math.exp(trained.evalLoss),
      bitsPerByte: trained.bitsPerByte,
      mtpLoss: [expect.any(Number)],
      maxVioGlobal: expect.any(Number),
      avgVioGlobal: expect.any(Number),
      tokens: expect.any(Number),
      precision: 'float32',
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: data: .* are held out: too few [^\n]*\n$/);
  });

  it('takes a checkpoint folder and other text', async () => {
    const other = temporary.file('other.md');
    writeFileSync(other, 'Not a whale at all.\n\n'.repeat(50));
    const { code, stdout } = await cli('eval', trained.checkpoint, '--data', other);
    expect(stdout).toContain(`Held-out text of ${other}`);
    expect(stdout).toMatch(/Bits per byte +\d/);
    expect(code).toBe(0);
  });

  it('asks for a text when a folder from elsewhere does not name one', async () => {
    const elsewhere = temporary.file('elsewhere');
    cpSync(temporary.file(trained.checkpoint), elsewhere, { recursive: true });
    for (const file of ['trainer.json', 'optimizer.safetensors']) rmSync(join(elsewhere, file));
    expect(await failure('eval', elsewhere)).toMatch(/--data/);
    const { code } = await cli('eval', elsewhere, '--data', temporary.file('text.txt'));
    expect(code).toBe(0);
  });
});

describe('--precision', () => {
  const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);

  beforeAll(async () => {
    const data = temporary.file('text.txt');
    await cli('train', ...nano, '--precision', 'fp8', '--data', data, '--steps', '5', '--out', 'eight', '--json');
  });

  it('fp8 of a run in 8 bits finds, bit for bit, what training found at its end; float32 something near', async () => {
    const atTheEnd = (await json('eval', 'eight', '--precision', 'fp8')) as { loss: number; precision: string };
    const lines = readFileSync(temporary.file('eight/metrics.jsonl'), 'utf8').trim().split('\n');
    const evaluations = lines.map((line) => JSON.parse(line)).filter((entry) => entry['eval/loss'] !== undefined);
    expect(atTheEnd).toMatchObject({ loss: evaluations.at(-1)['eval/loss'], precision: 'fp8' });
    const plain = await json('eval', 'eight');
    expect(plain.precision).toBe('float32');
    expect(plain.loss).not.toBe(atTheEnd.loss);
    expect(Math.abs(plain.loss - atTheEnd.loss)).toBeLessThan(0.05 * atTheEnd.loss);
  });

  it('is named to a reader of a run in 8 bits, and of products in 8 bits', async () => {
    const texts = [
      await cli('score', 'eight', '--text', 'Whale'),
      await cli('score', 'run', '--text', 'Whale', '--precision', 'fp8'),
      await cli('score', 'run', '--text', 'Whale'),
    ].map(({ stdout }) => /Products in .*/.exec(stdout)?.[0]);
    expect(texts).toEqual([
      'Products in float32; it was trained with those of --precision fp8',
      'Products in FP8 (emulated)',
      undefined,
    ]);
  });

  it('generates, and drafts change nothing', async () => {
    const args = ['--prompt', 'Whale', '--temperature', '0', '--max-new-tokens', '7', '--precision', 'fp8'];
    const plain = await json('generate', 'run', ...args);
    expect(plain.precision).toBe('fp8');
    expect((await json('generate', 'run', ...args, '--speculative')).ids).toEqual(plain.ids);
  });

  it('is refused by another name', async () => {
    expect(await failure('eval', 'run', '--precision', 'fp16')).toMatch(/float32 or fp8, found "fp16"/);
  });
});

describe('score', () => {
  it('gives each token after the first a log probability', async () => {
    const { code, stdout, stderr } = await runCli(['score', 'run', '--text', 'Whale', '--json'], {
      cwd: temporary.path,
    });
    const { ids, logprobs } = JSON.parse(stdout);
    expect(ids).toEqual([...Buffer.from('Whale')]);
    expect(logprobs).toHaveLength(5);
    expect(logprobs[0]).toBe(null);
    for (const logprob of logprobs.slice(1)) expect(logprob).toBeLessThan(0);
    expect([code, stderr]).toEqual([0, '']);
    const same = await cli('score', trained.checkpoint, '--ids', ids.join(', '), '--json');
    expect(JSON.parse(same.stdout)).toEqual({ ids, logprobs, precision: 'float32' });
  });

  it('prints a table for people, in which no token can steer the terminal', async () => {
    const { stdout } = await cli('score', 'run', '--ids', '65,27,10');
    expect(stdout).toMatch(/^id +log p +token\n/);
    expect(stdout).toContain('"\\u001b"');
    expect(stdout).not.toContain('\x1b');
  });

  it('names an id out of range, what is not an id, and what is missing', async () => {
    expect(await failure('score', 'run', '--ids', '1,261')).toMatch(/token id 261 .*0 to 260/);
    expect(await failure('score', 'run', '--ids', '1,-2')).toMatch(/"-2"/);
    expect(await failure('score', 'run', '--ids', '1,,2')).toMatch(/separated by commas/);
    expect(await failure('score', 'run')).toMatch(/--text or --ids/);
    expect(await failure('score', 'run', '--text', '')).toMatch(/empty/);
  });
});

describe('report', () => {
  it('writes one page about several runs where it is told to', async () => {
    cpSync(temporary.file('run'), temporary.file('second'), { recursive: true });
    const { code, stdout } = await runCli(['report', 'run', 'second', '--out', 'both.html', '--json'], {
      cwd: temporary.path,
    });
    expect(JSON.parse(stdout)).toEqual({ report: 'both.html', runs: ['run', 'second'] });
    expect(readFileSync(temporary.file('both.html'), 'utf8')).toContain('2 training runs compared');
    expect(code).toBe(0);
  });

  it('names what is not a run and what cannot be written', async () => {
    expect(await failure('report', 'run', 'none')).toMatch(/none is not a run folder/);
    expect(await failure('report', 'run', '--out', 'none/x.html')).toMatch(/cannot write none\/x\.html/);
  });
});

describe('a checkpoint that cannot be used', () => {
  function damaged(name: string, damage: (folder: string) => void): string {
    const folder = temporary.file(name);
    cpSync(temporary.file(trained.checkpoint), folder, { recursive: true });
    damage(folder);
    return folder;
  }

  it('is named, with what is wrong: missing, truncated, changed', async () => {
    expect(await failure('eval', 'none')).toMatch(/none does not exist/);
    expect(await failure('score', 'run/run.json', '--text', 'a')).toMatch(/is a file/);
    const truncated = damaged('truncated', (folder) => truncateSync(join(folder, 'model.safetensors'), 999));
    expect(await failure('eval', truncated)).toMatch(/model\.safetensors is truncated/);
    const flipped = damaged('flipped', (folder) => {
      const file = join(folder, 'model.safetensors');
      const bytes = readFileSync(file);
      bytes[bytes.length - 1]! ^= 0x10;
      writeFileSync(file, bytes);
    });
    expect(await failure('score', flipped, '--text', 'a')).toMatch(/damaged/);
  });

  it('is named when it is of another shape than its config says', async () => {
    const reshaped = damaged('reshaped', (folder) => {
      for (const file of ['trainer.json', 'optimizer.safetensors']) rmSync(join(folder, file));
      const config = join(folder, 'config.json');
      const text = readFileSync(config, 'utf8');
      writeFileSync(config, text.replace(/"hidden_size": 16/, '"hidden_size": 24'));
    });
    expect(await failure('eval', reshaped, '--data', 'moby-dick')).toMatch(/shape/);
  });

  it('is named when a newer version wrote it', async () => {
    const newer = damaged('newer', (folder) => {
      for (const file of ['trainer.json', 'optimizer.safetensors']) rmSync(join(folder, file));
      const config = join(folder, 'config.json');
      const text = readFileSync(config, 'utf8');
      writeFileSync(config, text.replace(/"tinyseek_format": \d+/, '"tinyseek_format": 99'));
    });
    expect(await failure('score', newer, '--text', 'a')).toMatch(/99/);
  });
});
