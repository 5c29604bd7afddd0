// The floating point formats of a file, by their names in safetensors, to and from the float32 of memory.
//
// Floats are moved as they lie in memory: this needs a little-endian machine. All machines that Node supports today
// are, except IBM's mainframes.

import { float8ToFloat32, float32ToFloat8, powersOfTwoToBits, powersOfTwoToFloat32 } from './float8.ts';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

/** Formats that any tensor can be written in. */
export type FloatFormat = 'F32' | 'F16' | 'BF16';

/** Formats of single tensors of a file: those in 8 bits are a weight and its scales (`block-fp8.ts`). */
export type StoredFormat = FloatFormat | 'F8_E4M3' | 'F8_E8M0';

/** Formats that can be read, in words for messages. */
export const readableFormats = 'F32, F16, BF16, F8_E4M3 or F8_E8M0';

/** The values that bytes of a file stand for; null for a format that cannot be read here. */
export function decodeFloats(dtype: string, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> | null {
  const { buffer } = bytes;
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype === 'F16') return float16ToFloat32(new Uint16Array(buffer));
  if (dtype === 'BF16') return bfloat16ToFloat32(new Uint16Array(buffer));
  if (dtype === 'F8_E8M0') return powersOfTwoToFloat32(bytes);
  return dtype === 'F8_E4M3' ? float8ToFloat32(bytes) : null;
}

/** The bytes of a file for values; for F32 they are the values' own memory. */
export function encodeFloats(format: StoredFormat, values: Float32Array): Uint8Array {
  if (format === 'F32') return bytesOf(values);
  if (format === 'F8_E4M3') return float32ToFloat8(values);
  if (format === 'F8_E8M0') return powersOfTwoToBits(values);
  return bytesOf(format === 'F16' ? float32ToFloat16(values) : float32ToBfloat16(values));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
