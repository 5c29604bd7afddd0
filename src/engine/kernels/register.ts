// How a kernel of the engine is made known to TF.js.

import type { Op, OpSpec } from '../../ops/define-op.ts';
import type { Kernels } from '../../ops/kernel-types.ts';
import { type ListKernel, type ListOp, type ListOpSpec, registerListKernel } from '../../ops/list-op.ts';
import { registerKernels } from '../../ops/register-kernels.ts';
import { tf } from '../../tensor/tf.ts';
import type { Address } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import type { StandardKernels } from './standard-kernels.ts';

export const backendName = 'engine';

/**
 * Registers the kernels of one of our ops. They make tensors with `backend.output` and fill them with
 * `backend.exports`.
 */
export function registerEngineOp<S extends OpSpec>(op: Op<S>, kernels: Kernels<S, EngineBackend>): void {
  registerKernels(backendName, op, kernels);
}

/** The same for an op on lists. */
export function registerEngineListOp<S extends ListOpSpec>(op: ListOp<S>, kernel: ListKernel<S, EngineBackend>): void {
  registerListKernel(backendName, op, kernel);
}

/** A kernel of TF.js's own. */
type EngineKernel<Name extends keyof StandardKernels> = (
  backend: EngineBackend,
  inputs: StandardKernels[Name]['inputs'],
  attrs: StandardKernels[Name]['attrs'],
) => tf.TensorInfo | tf.TensorInfo[];

/** Registers it for the engine, in place of that of the cpu backend. */
export function registerStandardKernel<Name extends keyof StandardKernels>(
  kernelName: Name,
  kernel: EngineKernel<Name>,
): void {
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(
        backend as EngineBackend,
        inputs as unknown as StandardKernels[Name]['inputs'],
        (attrs ?? {}) as StandardKernels[Name]['attrs'],
      ),
  });
}

/**
 * The kernel of the cpu backend, which runs on the engine's tensors as it is: for what a kernel here does not cover.
 */
function cpuKernel<Name extends keyof StandardKernels>(kernelName: Name): EngineKernel<Name> {
  const config = tf.getKernel(kernelName, 'cpu');
  if (config === undefined) throw new Error(`internal: the cpu backend has no kernel ${kernelName}`);
  return (backend, inputs, attrs) =>
    config.kernelFunc({
      inputs: inputs as unknown as tf.NamedTensorInfoMap,
      backend,
      attrs: attrs as unknown as tf.NamedAttrMap,
    });
}

/** A kernel that says null to what it does not cover. */
export type PartialKernel<Name extends keyof StandardKernels> = (
  ...call: Parameters<EngineKernel<Name>>
) => tf.TensorInfo | tf.TensorInfo[] | null;

/** Registers such a kernel: the cpu backend's computes the rest. */
export function registerPartialKernel<Name extends keyof StandardKernels>(
  kernelName: Name,
  kernel: PartialKernel<Name>,
): void {
  const fallback = cpuKernel(kernelName);
  registerStandardKernel(
    kernelName,
    (backend, inputs, attrs) => kernel(backend, inputs, attrs) ?? fallback(backend, inputs, attrs),
  );
}

/** Elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/**
 * Calls `use` with the address of each of several blocks of so many 32-bit numbers, which it has until it returns, and
 * gives what it returns.
 */
export function withWorkspace<const Lengths extends readonly number[], Result>(
  backend: EngineBackend,
  lengths: Lengths,
  use: (...addresses: { -readonly [I in keyof Lengths]: Address }) => Result,
): Result {
  const addresses: Address[] = [];
  try {
    for (const length of lengths) addresses.push(backend.heap.allocate(4 * length, true));
    return use(...(addresses as { -readonly [I in keyof Lengths]: Address }));
  } finally {
    for (const [i, address] of addresses.entries()) backend.heap.free(address, 4 * lengths[i]!);
  }
}
