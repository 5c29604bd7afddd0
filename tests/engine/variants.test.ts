// Which binary runs: each works when it is forced, none that is wrong is ever used, and no Node complains about a flag.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Exports } from '../../src/engine/exports.ts';
import { instantiate } from '../../src/engine/module.ts';
import { flagFor } from '../../src/engine/node-host.ts';
import { checkBytes, checkKernels } from '../../src/engine/self-check.ts';
import { type VariantName, variantNames } from '../../src/engine/variant-names.ts';
import { type CompileVariant, loadVariant } from '../../src/engine/variants.ts';
import { UserError } from '../../src/errors.ts';
import { runEngine } from './run-engine.ts';

/** The binary of a variant. */
const binary = (name: VariantName, shared: boolean) =>
  readFile(new URL(`../../src/engine/wasm/${name}${shared ? '' : '-unshared'}.wasm`, import.meta.url));

/** The binary with a * b + c made -(a * b) + c where it has relaxed SIMD. */
async function wrongBinary(name: VariantName, shared: boolean): Promise<Uint8Array> {
  const bytes = await binary(name, shared);
  for (let at = bytes.indexOf('fd8502', 0, 'hex'); at >= 0; at = bytes.indexOf('fd8502', at, 'hex'))
    bytes[at + 1] = 0x86;
  return bytes;
}

describe('loadVariant', () => {
  it('takes the one that is asked for', async () => {
    for (const name of variantNames) {
      const { name: taken, reports } = await loadVariant(true, name);
      expect(taken).toBe(name);
      expect(reports).toEqual([{ name, gflops: expect.any(Number), problem: null }]);
    }
  });

  it('tries plain SIMD only where relaxed SIMD does not work, and the wide tile only with shared memory', async () => {
    expect((await loadVariant(true, null)).reports.map(({ name }) => name)).not.toContain('simd-6x8');
    expect((await loadVariant(false, null)).reports.map(({ name }) => name)).toEqual(['relaxed-6x8']);
  });

  it('never uses one that is wrong', async () => {
    const compile: CompileVariant = async (name, shared) => WebAssembly.compile(await wrongBinary(name, shared));
    const { name, reports } = await loadVariant(true, null, compile);
    expect(name).toBe('simd-6x8');
    for (const { name, gflops, problem } of reports) {
      if (name === 'simd-6x8') expect({ gflops, problem }).toEqual({ gflops: expect.any(Number), problem: null });
      else expect({ gflops, problem }).toEqual({ gflops: null, problem: expect.stringContaining('wrong product of') });
    }
  });

  it('never uses one that does not compile, and says why when none does', async () => {
    const compile: CompileVariant = async (name, shared) =>
      WebAssembly.compile((await binary(name, shared)).subarray(0, 99));
    const error = await loadVariant(true, null, compile).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain('simd-6x8: WebAssembly.compile()');
  });
});

describe('checkKernels', async () => {
  const memory = new WebAssembly.Memory({ initial: checkBytes / 65536, maximum: checkBytes / 65536, shared: true });
  const exports = instantiate((await loadVariant(true, 'simd-6x8')).module, memory, () => {});
  const out = () => new Float32Array(memory.buffer, 10 * 65536, 16384);
  const after = (change: (...args: Parameters<Exports['gemm']>) => void): Exports => ({
    ...exports,
    gemm: (...args) => {
      exports.gemm(...args);
      change(...args);
    },
  });

  it('finds nothing wrong with kernels that are right', () => {
    expect(checkKernels(exports, memory)).toBeNull();
  });

  it.each([
    ['NaN', () => out().fill(Number.NaN)],
    ['a result that is not written', () => out().fill(7)],
    ['one wrong element', () => out().set([out()[0]! + 1e-4])],
    ['a wrong sigmoid', (...args: Parameters<Exports['gemm']>) => args[13] === 2 && out().set([out()[3]! + 1e-5], 3)],
    [
      'a wrong second matrix',
      (_a: number, _b: number, _c: number, batch: number) => batch > 1 && out().fill(0, 7 * 13),
    ],
  ])('finds %s', (_, change) => {
    expect(checkKernels(after(change), memory)).toContain('wrong product');
  });

  it('finds a wrong exponential', () => {
    const swiglu: Exports['swiglu'] = (...args) => {
      exports.swiglu(...args);
      out()[200]! += 1e-5;
    };
    expect(checkKernels({ ...exports, swiglu }, memory)).toContain('wrong SwiGLU');
  });
});

describe('the small decoder of the checks', async () => {
  const memory = new WebAssembly.Memory({ initial: checkBytes / 65536, maximum: checkBytes / 65536, shared: true });
  const exports = instantiate((await loadVariant(true, 'simd-6x8')).module, memory, () => {});

  it.each([1, 2, 3])('finds a pass of %i tokens that differs from the others in one bit', (wrong) => {
    const decodeMain: Exports['decodeMain'] = (model, rows, count, logits) => {
      const wanted = exports.decodeMain(model, rows, count, logits);
      if (count === wrong) new Int32Array(memory.buffer, logits, 5)[4]! ^= 1;
      return wanted;
    };
    expect(checkKernels({ ...exports, decodeMain }, memory)).toContain('wrong logits');
  });
});

describe('flagFor', () => {
  const revectorizes = { v8_enable_wasm_simd256_revec: 1 };

  it.each([
    ['20.19.0', 'x64', '--experimental-wasm-relaxed-simd'],
    ['22.23.3', 'x64', null],
    ['24.21.0', 'x64', '--experimental-wasm-revectorize'],
    ['24.21.0', 'arm64', null],
    ['26.10.0', 'x64', '--experimental-wasm-revectorize'],
    ['27.0.0', 'x64', null],
  ])('asks Node %s on %s for %s', (version, arch, flag) => {
    expect(flagFor(version, arch, revectorizes)).toBe(flag);
  });

  it('asks for nothing that V8 was built without', () => {
    expect(flagFor('24.21.0', 'x64', { v8_enable_wasm_simd256_revec: 0 })).toBeNull();
  });
});

describe('a process', () => {
  // Other versions: paths to their `node`, with colons between, in OTHER_NODES.
  const others = (process.env.OTHER_NODES ?? '').split(':').filter((path) => path !== '' && existsSync(path));
  if (others.length === 0) {
    const hint = 'set OTHER_NODES to paths of other versions of node, with colons between';
    console.warn(`\n*** NOT TESTED: the engine on other versions of Node\n*** ${hint}\n`);
    it.skip(`is not tested on other versions of Node: ${hint}`);
  }

  it('uses the fastest one by itself, and prints no error', async () => {
    const { code, stderr } = await runEngine('{ threads: 2 }', '');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(others)('of %s prints no error, whatever the variant', async (node) => {
    for (const name of [null, ...variantNames]) {
      const options = JSON.stringify({ threads: 2, engineVariant: name });
      const { code, stdout, stderr } = await runEngine(options, 'console.log(variant.name)', node);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      if (name !== null) expect(stdout.trim()).toBe(name);
    }
  });
});
