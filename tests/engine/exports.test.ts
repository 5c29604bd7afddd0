// Contract: the types of the module's exports are those of its sources, and of its binaries.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Address, nowhere, plus } from '../../src/engine/address.ts';
import type { Exports } from '../../src/engine/exports.ts';
import { instantiate } from '../../src/engine/module.ts';
import { loadVariant } from '../../src/engine/variants.ts';
import { exportTypes } from '../../tools/engine/export-types.ts';

const engine = resolve(import.meta.dirname, '../../src/engine');
const read = (module: string) => readFileSync(`${engine}/assembly/${module}.ts`, 'utf8');

/** Never called: the lines in it are for the compiler, which must refuse those below `@ts-expect-error`. */
function notToCompile({ swiglu, gemm, emptyJob, ...rest }: Exports, gate: Address, size: number): void {
  swiglu(gate, gate, gate, size);
  // @ts-expect-error a count in the place of an address, and an address in that of a count
  swiglu(gate, gate, size, gate);
  // @ts-expect-error an argument is missing
  swiglu(gate, gate, size);
  // @ts-expect-error an address that is none any more
  swiglu(gate, gate + 4, gate, size);
  swiglu(gate, plus(gate, 4), gate, size);
  gemm(gate, gate, gate, 1, size, size, size, false, true, 0, 0, false, nowhere, 0, nowhere);
  // @ts-expect-error numbers for what is true or false
  gemm(gate, gate, gate, 1, size, size, size, 0, 1, 0, 0, false, nowhere, 0, nowhere);
  // @ts-expect-error a result that there is not
  void (emptyJob(1) === 0);
  // @ts-expect-error a function that there is not
  void rest.swigluGradient;
}

describe('the types of the exports', () => {
  it('must not fit swapped arguments: tsc reads these lines, and nothing runs them', () => {
    expect(notToCompile).toBeTypeOf('function');
  });

  it('are what the sources give; npm run build writes them', () => {
    expect(readFileSync(`${engine}/exports.ts`, 'utf8')).toBe(exportTypes(read));
  });

  it.each([true, false])('are those of the binary, with as many parameters; shared memory: %s', async (shared) => {
    const { module } = await loadVariant(shared, 'simd-6x8');
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared });
    const found = Object.entries(instantiate(module, memory, () => {})).flatMap(([name, value]) =>
      typeof value === 'function' ? [[name, value.length] as const] : [],
    );
    const typed = [...exportTypes(read).matchAll(/^ {2}readonly (\w+): \(([^)]*)\) =>/gm)].map(
      ([, name, parameters]) => [name!, (parameters!.match(/\w+:/g) ?? []).length] as const,
    );
    // A job of `run` is a function of AssemblyScript, which JavaScript has not.
    const own = found.filter(([name]) => name !== 'run');
    expect(own.sort()).toEqual(typed.sort());
  });

  it('follow exports from file to file, and refuse what JavaScript cannot give or get', () => {
    const sources: Record<string, string> = {
      index: `export * from './a/a';\nexport { second } from './b';`,
      'a/a': `export { third } from '../b';\nexport function first(at: usize, size: i32, isLast: bool): bool { return true; }\nfunction own(): void {}`,
      b: `export function second(x: f32): void {}\nexport function third(): i32 { return 1; }\nexport function job(f: (i: i32) => void): void {}`,
    };
    const text = exportTypes((module) => sources[module]!);
    expect(text.slice(text.indexOf('export interface'))).toBe(`export interface Exports {
  readonly first: (at: Address, size: number, isLast: boolean) => 0 | 1;
  readonly second: (x: number) => void;
  readonly third: () => number;
}
`);
    expect(() => exportTypes(() => 'export function f(x: u64): void {}')).toThrow('f, parameter x, has type u64');
    expect(() => exportTypes(() => 'export function f(): usize { return 0; }')).toThrow(
      'the result of f has type usize',
    );
  });
});
