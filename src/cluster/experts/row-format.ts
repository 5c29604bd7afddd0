// How rows of numbers are written into messages: as they are, or in the formats of the report (section 3.3.3): FP8
// where tokens go to experts, BF16 where what experts made comes back.

import { bfloat16ToFloat32, float32ToBfloat16 } from '../../io/half.ts';
import { float8ToFloat32 } from '../../io/float8.ts';
import { e4m3, encode, exponentOf } from '../../precision/formats.ts';
import type { MessageFormat } from '../ranks/bytes.ts';
import { type Payload, shared } from '../ranks/mailbox.ts';

/** Writes rows of a width, and reads them. */
export interface RowFormat {
  readonly write: (rows: Float32Array, width: number) => Payload;
  readonly read: (payload: Payload, width: number) => Float32Array;
}

/** 4 bytes a number. */
export const float32Rows: RowFormat = {
  write: (rows) => [shared(rows)],
  read: ([rows]) => rows as Float32Array,
};

/** 2 bytes a number, rounded to the nearest. */
export const bfloat16Rows: RowFormat = {
  write: (rows) => {
    const bits = sharedArray<Uint16Array<SharedArrayBuffer>>(Uint16Array, rows.length);
    bits.set(float32ToBfloat16(rows));
    return [bits];
  },
  read: ([bits]) => bfloat16ToFloat32(bits as Uint16Array),
};

/** Numbers of a row that share a scale. */
const tile = 128;

/**
 * E4M3 with a scale for each 128 numbers of a row: a power of two, as the report has it for what is dispatched, so that
 * multiplying by it rounds nothing. A byte a number, and one a scale: its exponent plus 127.
 */
export const float8Rows: RowFormat = {
  write: (rows, width) => {
    const tiles = Math.ceil(width / tile);
    const count = rows.length / width;
    const codes = sharedArray<Uint8Array<SharedArrayBuffer>>(Uint8Array, rows.length);
    const scales = sharedArray<Uint8Array<SharedArrayBuffer>>(Uint8Array, count * tiles);
    for (let row = 0; row < count; row++) {
      for (let t = 0; t < tiles; t++) {
        const [from, to] = [row * width + t * tile, row * width + Math.min(width, (t + 1) * tile)];
        let largest = 0;
        for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(rows[i]!));
        const exponent = scaleExponent(largest);
        scales[row * tiles + t] = exponent + 127;
        for (let i = from; i < to; i++) codes[i] = encode(rows[i]! * 2 ** -exponent, e4m3);
      }
    }
    return [codes, scales];
  },
  read: ([codes, scales], width) => {
    const rows = float8ToFloat32(codes as Uint8Array);
    const tiles = Math.ceil(width / tile);
    for (let i = 0; i < rows.length; i++) {
      const at = Math.floor(i / width) * tiles + Math.floor((i % width) / tile);
      rows[i] = rows[i]! * 2 ** (scales![at]! - 127);
    }
    return rows;
  },
};

/** Bytes of a row of `width` numbers on the way to the experts and on the way back, in the formats of the messages. */
export function rowBytes(
  messages: MessageFormat,
  width: number,
): { readonly dispatch: number; readonly combine: number } {
  if (messages === 'float32') return { dispatch: 4 * width, combine: 4 * width };
  return { dispatch: width + Math.ceil(width / tile), combine: 2 * width };
}

/** The least power of two by which numbers up to `largest` are divided to fit into E4M3. */
function scaleExponent(largest: number): number {
  if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) return 0;
  const quotient = largest / e4m3.max;
  const below = exponentOf(quotient);
  return Math.max(-126, Math.min(127, quotient === 2 ** below ? below : below + 1));
}

interface ArrayKind<T> {
  new (buffer: SharedArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Zeros in memory that threads share. */
function sharedArray<T>(Kind: ArrayKind<T>, length: number): T {
  return new Kind(new SharedArrayBuffer(length * Kind.BYTES_PER_ELEMENT));
}
