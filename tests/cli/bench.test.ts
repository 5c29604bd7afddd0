import { describe, expect, it, vi } from 'vitest';
import { median, timeCalls } from '../../src/bench/timing.ts';
import { nano } from './nano.ts';
import { runCli, runInResident } from './run-cli.ts';

async function json(...args: string[]) {
  const { code, stdout, stderr } = await runCli([...args, '--json']);
  expect([stderr, code]).toEqual(['', 0]);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout);
}

describe('bench step', () => {
  it('contract: gives preset, backend, threads and the numbers of a step as JSON', async () => {
    const result = await json('bench', 'step', ...nano, '--threads', '1', '--steps', '3');
    expect(result).toEqual({
      preset: 'tiny',
      precision: 'float32',
      backend: 'engine',
      threads: 1,
      engineVariant: expect.stringMatching(/^(relaxed|simd)-\d+x\d+$/),
      parameters: expect.any(Number),
      batchSize: 2,
      seqLen: 17,
      steps: 3,
      msPerStep: expect.any(Number),
      msMin: expect.any(Number),
      tokensPerSecond: expect.any(Number),
      gflops: expect.any(Number),
      peakMemoryBytes: expect.any(Number),
    });
    const { msPerStep, msMin, tokensPerSecond, gflops, parameters, peakMemoryBytes } = result;
    expect(msMin).toBeLessThanOrEqual(msPerStep);
    expect(tokensPerSecond).toBeCloseTo((2 * 17 * 1000) / msPerStep, 3);
    const { total, flopsPerToken } = await json('params', ...nano.slice(0, -4), '--set', 'seqLen=17');
    expect(gflops).toBeCloseTo((flopsPerToken * tokensPerSecond) / 1e9, 6);
    // The count of `params` has the balancing biases, 4 in the only layer, which are not trained.
    expect(parameters).toBe(total - 4);
    // Between 50 MB, less than Node itself takes, and 1 GB.
    expect(peakMemoryBytes).toBeGreaterThan(50e6);
    expect(peakMemoryBytes).toBeLessThan(1e9);
  });

  it('times at least 15 steps if not told otherwise, on any backend, and says so for people', async () => {
    const { code, stdout } = await runCli(['bench', 'step', ...nano, '--backend', 'wasm']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Preset tiny, backend wasm\n/);
    const [, steps] = /Step of 2 x 17 tokens, median of (\d+) +[\d.,]+ ms/.exec(stdout) ?? [];
    expect(Number(steps)).toBeGreaterThanOrEqual(15);
    for (const label of ['fastest', 'Tokens per second', 'Useful arithmetic', 'Trained parameters', 'Peak memory']) {
      expect(stdout).toContain(label);
    }
  });

  it('brings batch and sequence of its preset', async () => {
    const args = ['--preset', 'peer-s', '--threads', '1', '--steps', '1'];
    expect(await json('bench', 'step', ...args)).toMatchObject({ preset: 'peer-s', batchSize: 4, seqLen: 64 });
    expect(await json('bench', 'step', ...args, '--precision', 'fp8')).toMatchObject({ precision: 'fp8', steps: 1 });
  });

  it('refuses what cannot be timed', async () => {
    const failure = async (...args: string[]) => (await runInResident(['bench', 'step', ...args])).stderr;
    expect(await failure('--steps', '0')).toBe('tinyseek: --steps: expected a whole number from 1 on, found "0"\n');
    expect(await failure('--preset', 'deepseek-v3')).toMatch(/^tinyseek: .*for counting only/);
    expect(await failure('--set', 'kvLoraRnk=48')).toMatch(/did you mean kvLoraRank/);
  });
});

describe('bench ops', () => {
  it('contract: gives each kernel, its time and its rate as JSON', async () => {
    const result = await json('bench', 'ops', '--threads', '1');
    expect(result).toMatchObject({
      threads: 1,
      engineVariant: expect.any(String),
      peakGflops: expect.any(Number),
      forkJoinMicroseconds: expect.any(Number),
      missing: [],
    });
    const names: string[] = result.ops.map(({ name }: { name: string }) => name);
    const fused = ['RMSNorm', 'SwiGLU', 'attention', 'routed experts', 'cross-entropy', 'AdamW'];
    expect(names.slice(-fused.length)).toEqual(fused);
    expect(names.filter((name) => name.startsWith('product'))).toHaveLength(12);
    for (const { microseconds, gflops, gigabytesPerSecond } of result.ops) {
      expect(microseconds).toBeGreaterThan(0);
      expect(gflops ?? gigabytesPerSecond).toBeGreaterThan(0);
    }
  });

  it('prints a table for people', async () => {
    const { code, stdout } = await runCli(['bench', 'ops', '--threads', '1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Engine, 1 thread, variant /);
    expect(stdout).toMatch(/product A\^T B +960 x 128 x 576 +[\d.,]+ us +[\d.,]+ GFLOP\/s +\d+ %\n/);
    expect(stdout).toMatch(/RMSNorm +1024 x 128 +[\d.,]+ us +[\d.,]+ GB\/s\n/);
  });
});

describe('timing', () => {
  it('takes the median', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([7, 1, 3, 2])).toBe(2.5);
  });

  it('times functions far shorter than the clock can see', () => {
    // Each call takes a microsecond, on a clock that ticks every tenth of a millisecond.
    let microseconds = 0;
    vi.stubGlobal('performance', { now: () => Math.floor(microseconds / 100) / 10 });
    const { median, min } = timeCalls(() => void microseconds++);
    vi.unstubAllGlobals();
    // A sample is a millisecond, which such a clock knows to a tenth.
    for (const seconds of [median, min]) expect(Math.abs(seconds - 1e-6)).toBeLessThanOrEqual(0.1e-6);
  });
});
