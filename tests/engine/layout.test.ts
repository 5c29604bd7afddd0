// Records that TypeScript writes and AssemblyScript reads: one table says what is where.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Address, nowhere } from '../../src/engine/address.ts';
import { decodeRow } from '../../src/engine/decode-layout.ts';
import { type Layout, type RecordOf, wordsOf, writeRecords } from '../../src/engine/layout.ts';
import { layoutSource } from '../../tools/engine/layout-source.ts';

const small = { count: 'integer', isLast: 'flag', scale: 'float', from: 'address' } as const satisfies Layout;

const words = (length: number) => {
  const buffer = new ArrayBuffer(4 * length);
  return { integers: new Int32Array(buffer), floats: new Float32Array(buffer) };
};

/** Never called: the lines in it are for the compiler, which must refuse those below `@ts-expect-error`. */
function notToCompile(row: RecordOf<typeof decodeRow>): void {
  const { cache, ...withoutCache } = row;
  writeRecords(words(7), decodeRow, [{ ...withoutCache, cache }]);
  // @ts-expect-error a field is missing
  writeRecords(words(7), decodeRow, [withoutCache]);
  // @ts-expect-error a number in the place of an address
  writeRecords(words(7), decodeRow, [{ ...row, hiddenIn: 0 }]);
  // @ts-expect-error a number in the place of a truth value
  writeRecords(words(7), decodeRow, [{ ...row, wantsLogits: 1 }]);
  // @ts-expect-error a type that fields do not have
  void ({ count: 'i64' } satisfies Layout);
}

describe('a layout', () => {
  it('must not fit a record without one of its fields: tsc reads these lines, and nothing runs them', () => {
    expect(notToCompile).toBeTypeOf('function');
  });

  it('writes records one after the other, in the order of its fields whatever that of the record', () => {
    const memory = words(2 * wordsOf(small));
    const high = (2 ** 32 - 64) as Address;
    writeRecords(memory, small, [
      { from: high, scale: 0.5, isLast: true, count: -7 },
      { count: 11, isLast: false, scale: -2, from: nowhere },
    ]);
    expect([...memory.integers.subarray(0, 2), memory.floats[2], memory.integers[3]! >>> 0]).toEqual([
      -7,
      1,
      0.5,
      high,
    ]);
    expect([...memory.integers.subarray(4, 6), memory.floats[6], memory.integers[7]]).toEqual([11, 0, -2, 0]);
  });

  it('is a class of AssemblyScript with the same fields in the same order, all of them 32 bits wide', () => {
    const source = layoutSource();
    const [, row] = /class DecodeRow \{\n([^}]*)\}/.exec(source)!;
    expect(row!.trim().split(/;\s*/).slice(0, -1)).toEqual([
      'token: i32',
      'position: i32',
      'cache: usize',
      'layerBytes: i32',
      'hiddenIn: usize',
      'hiddenOut: usize',
      'wantsLogits: i32',
    ]);
    expect(source.match(/: (?!i32;|f32;|usize;)\w+;/g)).toBeNull();
  });

  it('is all that the kernels know of the records: no source has fields of its own', () => {
    const model = readFileSync(resolve(import.meta.dirname, '../../src/engine/assembly/decode/model.ts'), 'utf8');
    expect(model).not.toMatch(/class Decode(Model|Layer|Row)/);
  });
});
