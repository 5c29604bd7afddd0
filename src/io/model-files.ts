// The weights of a Hugging Face model folder: `model.safetensors`, or several files that `model.safetensors.index.json`
// names. The index comes from outside: a name in it may not lead out of the folder.

import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { indexFile, isPlainFileName, modelFile } from './file-names.ts';
import { fileInside, hasFile } from './inside-folder.ts';
import { isJsonObject, showJson } from './json.ts';
import { readJsonFile } from './json-file.ts';
import { openSafetensors } from './safetensors.ts';
import type { StoredTensor, TensorReader } from './tensor-source.ts';

/**
 * Opens the weights of a model folder, one file or sharded.
 *
 * @returns a reader over all files: the caller closes it.
 * @throws UserError if there are none, or if the index and the files disagree.
 */
export function openModelFiles(folder: string): TensorReader {
  if (hasFile(folder, modelFile)) return openSafetensors(fileInside(folder, modelFile));
  if (hasFile(folder, indexFile)) return openShards(folder);
  throw new UserError(`checkpoint: ${folder} has neither ${modelFile} nor ${indexFile}; is it a model folder?`);
}

/** The files of weights of a model folder, in order of their names. */
export function modelFilePaths(folder: string): string[] {
  if (hasFile(folder, modelFile)) return [fileInside(folder, modelFile)];
  const shards = new Set(readWeightMap(folder).values());
  return [...shards].sort().map((name) => fileInside(folder, name));
}

function openShards(folder: string): TensorReader {
  const index = join(folder, indexFile);
  const weightMap = readWeightMap(folder);
  const shards = new Map<string, TensorReader>();
  const close = () => {
    for (const shard of shards.values()) shard.close();
  };
  try {
    for (const file of new Set(weightMap.values())) shards.set(file, openSafetensors(fileInside(folder, file)));
    const tensors = collectTensors(weightMap, shards, index);
    return { tensors, read: (name) => shardOf(name, weightMap, shards, index).read(name), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The name of each tensor's shard file, by the tensor's name. */
function readWeightMap(folder: string): Map<string, string> {
  const index = join(folder, indexFile);
  const { weight_map: weightMap } = readJsonFile(folder, indexFile, 'shard index');
  if (!isJsonObject(weightMap)) throw new UserError(`shard index: ${index}: expected an object weight_map`);
  const entries = Object.entries(weightMap).map(([name, file]): [string, string] => {
    if (typeof file === 'string' && isPlainFileName(file)) return [name, file];
    const found = showJson(file);
    throw new UserError(`shard index: ${index}: tensor ${name}: expected a file name in the folder, found ${found}`);
  });
  return new Map(entries);
}

function collectTensors(
  weightMap: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, TensorReader>,
  index: string,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [file, shard] of shards) {
    for (const [name, tensor] of shard.tensors) {
      const listed = weightMap.get(name);
      if (listed !== file) {
        throw new UserError(`shard index: ${index}: tensor ${name} is in ${file}, but the index says ${listed}`);
      }
      tensors.set(name, tensor);
    }
  }
  for (const [name, file] of weightMap) {
    if (!tensors.has(name)) throw new UserError(`shard index: ${index}: tensor ${name} is missing from ${file}`);
  }
  return tensors;
}

function shardOf(
  name: string,
  weightMap: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, TensorReader>,
  index: string,
): TensorReader {
  const shard = shards.get(weightMap.get(name) ?? '');
  if (!shard) throw new UserError(`shard index: ${index}: there is no tensor ${name}`);
  return shard;
}
