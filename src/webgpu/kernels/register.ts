// How a kernel of the GPU is made known to TF.js.

import type { Op, OpSpec } from '../../ops/define-op.ts';
import type { Kernels } from '../../ops/kernel-types.ts';
import { type ListKernel, type ListOp, type ListOpSpec, registerListKernel } from '../../ops/list-op.ts';
import { registerKernels } from '../../ops/register-kernels.ts';
import type { WebGpuBackend } from '../backend.ts';

export const backendName = 'webgpu';

/** Registers the kernels of one of our ops. They make tensors with `backend.output`, and `backend.run` fills them. */
export function registerGpuOp<S extends OpSpec>(op: Op<S>, kernels: Kernels<S, WebGpuBackend>): void {
  registerKernels(backendName, op, kernels);
}

/** The same for an op on lists. */
export function registerGpuListOp<S extends ListOpSpec>(op: ListOp<S>, kernel: ListKernel<S, WebGpuBackend>): void {
  registerListKernel(backendName, op, kernel);
}

/** Workgroups of `size` that cover so many elements. */
export const groupsOf = (elements: number, size: number): number => Math.ceil(elements / size);
