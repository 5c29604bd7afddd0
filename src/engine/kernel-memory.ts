import type { tf } from '../tensor/tf.ts';

/** What a kernel in JavaScript needs of the engine, its first argument: `registerKernels('engine', op, kernels)`. */
export interface KernelMemory {
  /** A new tensor with undefined contents. */
  output(shape: readonly number[], dtype?: 'float32' | 'int32' | 'bool'): tf.TensorInfo;
  /** The elements of a tensor in place, row by row: valid until it is disposed. */
  view(info: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
}
