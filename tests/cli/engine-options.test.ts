import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { nano, writeText } from './nano.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

function train(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const data = writeText(temporary.file('text.txt'));
  return runCli(['train', ...nano, '--data', data, '--steps', '3', ...args], { cwd: temporary.path, env });
}

describe('--threads and --engine-variant', () => {
  it('are named at the start of a run, and change no bit of its result', async () => {
    const weights = async (threads: number) => {
      const out = `threads-${threads}`;
      const { code, stderr } = await train(['--out', out, '--threads', `${threads}`, '--engine-variant', 'simd-6x8']);
      expect([stderr, code]).toEqual([stderr, 0]);
      const words = stderr.replace(/\s+/g, ' ');
      expect(words).toContain(`backend engine, ${threads === 1 ? '1 thread' : `${threads} threads`}, variant simd-6x8`);
      return readFileSync(temporary.file(join(out, 'checkpoints', 'step-00000003', 'model.safetensors')));
    };
    expect((await weights(3)).equals(await weights(1))).toBe(true);
  });

  it('may be others when a run is resumed', async () => {
    await train(['--out', 'resumed', '--threads', '1']);
    const { code, stdout } = await runCli(['train', '--resume', 'resumed', '--threads', '2', '--json'], {
      cwd: temporary.path,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).steps).toBe(3);
  });

  it('are options of eval and score, too', async () => {
    await train(['--out', 'measured']);
    const run = temporary.file('measured');
    const logprobs = async (threads: string) => {
      const { code, stdout } = await runInResident(['score', run, '--text', 'Whale', '--threads', threads, '--json']);
      expect(code).toBe(0);
      return JSON.parse(stdout).logprobs;
    };
    expect(await logprobs('1')).toEqual(await logprobs('2'));
    expect((await runCli(['eval', run, '--threads', '1', '--json'])).code).toBe(0);
  });

  it.each([
    [['--threads', '0'], '--threads: expected a whole number from 1 on, found "0"'],
    [['--threads', 'x'], '--threads: expected a whole number from 1 on, found "x"'],
    [['--threads', '1.5'], '--threads: expected a whole number from 1 on, found "1.5"'],
    [['--threads', '1000'], 'threads: expected a whole number from 1 to 64, found 1000'],
    [['--threads', '2', '--backend', 'wasm'], 'threads: only for --backend engine, found --backend wasm; leave it out'],
    [['--engine-variant', 'simd-6x9'], 'engine variant simd-6x9: unknown; did you mean simd-6x8?'],
    [['--backend', 'enginee'], 'backend enginee: unknown; did you mean engine?'],
  ])('that cannot be are one clear message: %j', async (args, message) => {
    for (const command of [
      ['train', '--out', 'never'],
      ['bench', 'step'],
    ]) {
      const { code, stdout, stderr } = await runInResident([...command, ...args], { cwd: temporary.path });
      expect(stderr).toMatch(/^tinyseek: /);
      expect(stderr).toContain(message);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect([stdout, code]).toEqual(['', 1]);
    }
  });
});

describe('a machine that cannot run the engine', () => {
  /** What makes every binary of the engine fail to compile; TF.js's wasm backend compiles in another way. */
  function withoutEngine(): NodeJS.ProcessEnv {
    const preload = temporary.file('preload.mjs');
    writeFileSync(preload, `WebAssembly.compile = () => Promise.reject(new Error('no SIMD'));`);
    return { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` };
  }

  const warning = /warning: the CPU engine cannot\s+run here \(.*going on with wasm/s;
  const count = (text: string) => text.match(/warning: the CPU engine/g)?.length;

  it('goes on with wasm, and says so once', async () => {
    const run = await train(['--out', 'fallback'], withoutEngine());
    expect([run.code, count(run.stderr)]).toEqual([0, 1]);
    expect(run.stderr).toMatch(warning);
    expect(run.stderr).toMatch(/backend\s+wasm\n/);
    for (const command of [['eval'], ['score', '--text', 'Whale']]) {
      const { code, stderr } = await runCli([...command, temporary.file('fallback')], { env: withoutEngine() });
      expect([code, count(stderr)]).toEqual([0, 1]);
      expect(stderr).toMatch(warning);
    }
  });

  it('is an error where the engine was asked for', async () => {
    for (const args of [
      ['--backend', 'engine'],
      ['--threads', '2'],
    ]) {
      const { code, stderr } = await train(['--out', 'refused', ...args], withoutEngine());
      expect(code).toBe(1);
      expect(stderr).toMatch(/^tinyseek: backend engine: not available here \(.*no SIMD/);
    }
  });

  it('has a doctor that says why', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], { env: withoutEngine() });
    expect(code).toBe(0);
    const [engine] = JSON.parse(stdout).backends;
    expect(engine).toEqual({
      name: 'engine',
      available: false,
      detail: expect.stringContaining('no SIMD'),
      howToGet: null,
      gflops: null,
    });
  });
});

describe('a Node with which the engine is slower', () => {
  /** What makes this process take itself for an older Node, whose V8 has no revectorizer. */
  function olderNode(): NodeJS.ProcessEnv {
    const preload = temporary.file('older.mjs');
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.19.0' } });`,
    );
    return { NODE_OPTIONS: `--import ${pathToFileURL(preload).href}` };
  }

  const count = (text: string) => text.match(/Node 22\.19\.0 gives/g)?.length ?? 0;

  it('is told once in a run, at its beginning, and not on standard output', async () => {
    const { code, stdout, stderr } = await train(['--out', 'older', '--json'], olderNode());
    expect([code, count(stderr), count(stdout)]).toEqual([0, process.arch === 'x64' ? 1 : 0, 0]);
    expect(Object.keys(JSON.parse(stdout))).not.toContain('warning');
    for (const command of [['eval'], ['score', '--text', 'Whale'], ['generate', '--prompt', 'Whale']]) {
      const other = await runCli([...command, temporary.file('older')], { env: olderNode() });
      expect([command, other.code, count(other.stderr + other.stdout)]).toEqual([command, 0, 0]);
    }
  });

  it('is not told who chose another variant, or another backend', async () => {
    for (const args of [
      ['--engine-variant', 'simd-6x8'],
      ['--backend', 'wasm'],
    ]) {
      const { code, stderr } = await train(['--out', `older-${args[1]}`, ...args], olderNode());
      expect([code, count(stderr)]).toEqual([0, 0]);
    }
  });
});
