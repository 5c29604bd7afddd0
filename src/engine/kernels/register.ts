// How a kernel of the engine is made known to TF.js.

import type { Op, OpSpec } from '../../ops/define-op.ts';
import { type Kernels, registerKernels } from '../../ops/kernels.ts';
import { type ListKernel, type ListOp, type ListOpSpec, registerListKernel } from '../../ops/list-op.ts';
import { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';

export const backendName = 'engine';

/** Registers the kernels of one of our ops. They make tensors with `backend.output` and fill them with `backend.exports`. */
export function registerEngineOp<S extends OpSpec>(op: Op<S>, kernels: Kernels<S, EngineBackend>): void {
  registerKernels(backendName, op, kernels);
}

/** The same for an op on lists. */
export function registerEngineListOp<S extends ListOpSpec>(op: ListOp<S>, kernel: ListKernel<S, EngineBackend>): void {
  registerListKernel(backendName, op, kernel);
}

type Inputs = Readonly<Record<string, tf.TensorInfo>>;
type Attributes = Readonly<Record<string, unknown>>;

/** Makes its outputs with `backend.output` and fills them with functions of `backend.exports`. */
export type EngineKernel = (
  backend: EngineBackend,
  inputs: Inputs,
  attrs: Attributes,
) => tf.TensorInfo | tf.TensorInfo[];

/** Registers `kernel` for the engine, in place of the kernel of the cpu backend, if there is one. */
export function registerEngineKernel(kernelName: string, kernel: EngineKernel): void {
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(backend as EngineBackend, inputs as unknown as Inputs, (attrs ?? {}) as Attributes),
  });
}

/** The kernel of the cpu backend, which runs on the engine's tensors as it is: for what a kernel here does not cover. */
export function cpuKernel(kernelName: string): EngineKernel {
  const config = tf.getKernel(kernelName, 'cpu');
  if (config === undefined) throw new Error(`internal: the cpu backend has no kernel ${kernelName}`);
  return (backend, inputs, attrs) =>
    config.kernelFunc({ inputs: inputs as unknown as tf.NamedTensorInfoMap, backend, attrs: attrs as tf.NamedAttrMap });
}

/** Elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Calls `use` with the addresses of blocks of memory of so many 32-bit numbers, which it has until it returns. */
export function withWorkspace(
  backend: EngineBackend,
  lengths: readonly number[],
  use: (addresses: readonly number[]) => void,
): void {
  const addresses: number[] = [];
  try {
    for (const length of lengths) addresses.push(backend.heap.allocate(4 * length));
    use(addresses);
  } finally {
    for (const [i, address] of addresses.entries()) backend.heap.free(address, 4 * lengths[i]!);
  }
}
