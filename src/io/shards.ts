// Splitting the weights of a model into files of a given size: `model-00001-of-00003.safetensors`, ..., and the index
// that says which tensor is where, as Hugging Face's libraries write them.

import { modelFile } from './file-names.ts';
import type { JsonObject } from './json.ts';
import type { TensorToWrite } from './safetensors-bytes.ts';
import { storedBytes } from './safetensors-header.ts';

/** A file and the tensors that go into it. */
export interface Shard {
  readonly name: string;
  readonly tensors: readonly TensorToWrite[];
}

/**
 * Fills files in the order of the tensors; a tensor larger than `maxBytes` gets a file of its own. If one file holds
 * them all, it has the plain name `model.safetensors`.
 */
export function planShards(tensors: readonly TensorToWrite[], maxBytes: number): Shard[] {
  const parts: TensorToWrite[][] = [];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = storedBytes(tensor);
    if (parts.length === 0 || filled + bytes > maxBytes) {
      parts.push([]);
      filled = 0;
    }
    parts.at(-1)?.push(tensor);
    filled += bytes;
  }
  const digits = (n: number) => String(n).padStart(5, '0');
  const nameOf = (index: number) => `model-${digits(index + 1)}-of-${digits(parts.length)}.safetensors`;
  return parts.map((part, index) => ({ name: parts.length === 1 ? modelFile : nameOf(index), tensors: part }));
}

/** The contents of `model.safetensors.index.json`. */
export function shardIndex(shards: readonly Shard[]): JsonObject {
  const total = shards.flatMap((shard) => shard.tensors).reduce((sum, tensor) => sum + storedBytes(tensor), 0);
  const entries = shards.flatMap(({ name: file, tensors }) =>
    tensors.map(({ name }): [string, string] => [name, file]),
  );
  return { metadata: { total_size: total }, weight_map: Object.fromEntries(entries) };
}
