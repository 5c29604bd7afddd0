// What kernels that move data have in common.

import type { tf } from '../../tensor/tf.ts';
import type { Address } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import type { StridedAxes } from './strided-axes.ts';

/** The same elements under another shape, as Identity and Reshape give them: nothing is copied. */
export function share(backend: EngineBackend, x: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape, dtype: x.dtype };
}

/** Whether elements take four bytes: they are copied alike, whatever they mean. */
export function hasWords({ dtype }: tf.TensorInfo): boolean {
  return dtype === 'float32' || dtype === 'int32';
}

/** The elements of a tensor that `hasWords`, in a new tensor with undefined contents. */
export function makeLike(backend: EngineBackend, { dtype }: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
  return backend.output(shape, dtype as 'float32' | 'int32');
}

/** Copies along `axes`: from address `from`, where `axes.a` are the steps, to address `to`, where `axes.b` are. */
export function copyAlong(backend: EngineBackend, axes: StridedAxes, from: Address, to: Address): void {
  axes.describe(backend);
  backend.exports.copyRows(from, to);
}

/** Elements of `shape` from axis `first` up to axis `end`. */
export function sizeBetween(shape: readonly number[], first: number, end: number): number {
  let size = 1;
  for (let axis = first; axis < end; axis++) size *= shape[axis]!;
  return size;
}

const word = new DataView(new ArrayBuffer(4));

/** The four bytes of a number as an element, for `fill`. */
export function bitsOf(value: number, dtype: tf.DataType): number {
  if (dtype === 'int32') return value | 0;
  word.setFloat32(0, value, true);
  return word.getInt32(0, true);
}
