// Records that TypeScript writes and the engine's module reads. A layout is the one description of their fields: the
// build makes an AssemblyScript class of it (tools/engine/layout-source.ts), and here it says what a record must have.

import type { Address } from './address.ts';

/** 32 bits: a whole number, a truth value, a float or an address. */
export type FieldType = 'integer' | 'flag' | 'float' | 'address';

/** The fields of a record, in their order in memory. */
export type Layout = Readonly<Record<string, FieldType>>;

interface Values {
  readonly integer: number;
  readonly flag: boolean;
  readonly float: number;
  readonly address: Address;
}

/** The values of a record, all of them. */
export type RecordOf<L extends Layout> = { readonly [K in keyof L]: Values[L[K]] };

/** 32-bit words of a record. */
export const wordsOf = (layout: Layout): number => Object.keys(layout).length;

/** Where the fields of a record lie in it, in words. */
export function fieldsOf<L extends Layout>(layout: L): { readonly [K in keyof L]: number } {
  const names = Object.keys(layout) as (keyof L)[];
  return Object.fromEntries(names.map((name, word) => [name, word])) as { readonly [K in keyof L]: number };
}

/** Memory as whole numbers and as floats, from the same byte on. */
export interface Words {
  readonly integers: Int32Array;
  readonly floats: Float32Array;
}

/** Writes records one after the other, from the first word on. */
export function writeRecords<L extends Layout>(
  { integers, floats }: Words,
  layout: L,
  records: readonly RecordOf<L>[],
): void {
  const fields = Object.entries(layout);
  let at = 0;
  for (const record of records) {
    for (const [name, type] of fields) {
      const target = type === 'float' ? floats : integers;
      target[at++] = Number(record[name]);
    }
  }
}
