import { describe, expect, it } from 'vitest';
import { engineAdvice, nodeAdvice, type Runtime } from '../../src/backends/engine-advice.ts';
import type { LoadedVariant } from '../../src/engine/variants.ts';

describe('advice on Node', () => {
  const loaded = (name: LoadedVariant['name'], reports: LoadedVariant['reports']): LoadedVariant => ({
    name,
    module: null as never,
    reports,
  });
  const runtime = (version: string, arch = 'x64', revectorizer = 1): Runtime => ({
    version,
    arch,
    builtWith: { v8_enable_wasm_simd256_revec: revectorizer },
  });
  const wide = { name: 'relaxed-5x16', gflops: 60, problem: null } as const;
  const narrow = { name: 'relaxed-6x8', gflops: 33, problem: null } as const;

  it('is none where everything is used, or where the processor has no more', () => {
    expect(engineAdvice(loaded('relaxed-5x16', [wide, narrow]), runtime('24.1.0'))).toEqual([]);
    expect(engineAdvice(loaded('relaxed-6x8', [narrow]), runtime('24.1.0', 'arm64'))).toEqual([]);
  });

  it('is a newer Node where V8 has no revectorizer', () => {
    for (const [version, revectorizer] of [
      ['22.1.0', 1],
      ['24.1.0', 0],
    ] as const) {
      expect(engineAdvice(loaded('relaxed-6x8', [narrow]), runtime(version, 'x64', revectorizer))).toEqual([
        `256-bit SIMD is not used: V8 of this Node (${version}) has no revectorizer; a release of Node 24 would help`,
      ]);
    }
  });

  it('is another processor where the revectorizer does not help', () => {
    const slow = { ...wide, gflops: 12.34 };
    expect(engineAdvice(loaded('relaxed-6x8', [slow, narrow]), runtime('24.1.0'))).toEqual([
      '256-bit SIMD is not used: it is slower here (12.3 against 33.0 GFLOP/s); a processor with AVX2 and FMA would help',
    ]);
  });

  it('names what is wrong with relaxed SIMD', () => {
    const broken = { name: 'relaxed-6x8', gflops: null, problem: 'invalid opcode' } as const;
    const simd = { name: 'simd-6x8', gflops: 20, problem: null } as const;
    expect(engineAdvice(loaded('simd-6x8', [simd, broken]), runtime('19.1.0', 'arm64'))).toEqual([
      'relaxed SIMD is not used (invalid opcode); Node 24 would help',
    ]);
  });

  it('is once more a newer Node, in a sentence for a run, where that is what keeps the engine back', () => {
    expect(nodeAdvice(runtime('24.1.0'))).toBeNull();
    expect(nodeAdvice(runtime('20.20.0', 'arm64'))).toBeNull();
    for (const [version, revectorizer] of [
      ['20.20.0', 1],
      ['22.1.0', 1],
      ['24.1.0', 0],
    ] as const) {
      expect(nodeAdvice(runtime(version, 'x64', revectorizer))).toContain(
        `Node ${version} gives the engine SIMD of 128 bits`,
      );
    }
  });
});
