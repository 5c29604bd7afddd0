// Tensors to the bytes of a safetensors file and back, all of it in memory.

import type { NamedTensor } from '../tensor/named-tensor.ts';
import type { FloatFormat } from './float-formats.ts';
import { joinBytes } from './join-bytes.ts';
import { openSafetensorsBytes, safetensorsPieces } from './safetensors-bytes.ts';
import { readAllTensors } from './tensor-source.ts';

/**
 * The bytes of a safetensors file. Tensors are sorted by name, so that the same tensors give the same bytes.
 *
 * @param dtype the format of all numbers in the file.
 */
export function writeSafetensors(tensors: readonly NamedTensor[], dtype: FloatFormat = 'F32'): Uint8Array<ArrayBuffer> {
  return joinBytes(
    safetensorsPieces(tensors.map(({ name, shape, data }) => ({ name, shape, dtype, read: () => data }))),
  );
}

/**
 * Every tensor of a safetensors file, as float32.
 *
 * @param bytes the whole file; its numbers are F32, F16, BF16, F8_E4M3 or F8_E8M0.
 * @param file what messages call it.
 * @throws UserError naming the file, and the tensor where there is one, if it is damaged or has numbers of another
 * kind.
 */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors'): NamedTensor[] {
  return readAllTensors(openSafetensorsBytes(bytes, file));
}
