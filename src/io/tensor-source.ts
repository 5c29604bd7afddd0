// Tensors that can be looked at by name and shape before any of their values is read.

import type { NamedTensor } from '../tensor/named-tensor.ts';

/** Name and shape: what a list of expected parameters consists of. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor of a file: `dtype` is the name of its format there. */
export interface StoredTensor extends TensorShape {
  readonly dtype: string;
}

/** A tensor whose values are made or read when they are needed, and may be dropped after. */
export interface LazyTensor extends TensorShape {
  read(): Float32Array;
}

/** A set of named tensors whose values are read on demand. */
export interface TensorSource {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorShape>;
  /** The values of one tensor, as float32 in a fresh array. */
  read(name: string): Float32Array;
}

/** A tensor source that holds files open until it is closed. */
export interface TensorReader extends TensorSource {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  close(): void;
}

/** Every tensor of a source. */
export function readAllTensors(source: TensorSource): NamedTensor[] {
  return Array.from(source.tensors.values(), ({ name, shape }) => ({ name, shape, data: source.read(name) }));
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
