// How the tape keeps the tensors that a gradient needs.

import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { engine } from '@tensorflow/tfjs-core';

/** What TF.js's engine has beyond its types. */
interface EngineInternals {
  clone(x: Tensor): Tensor;
  makeTensorFromTensorInfo(info: TensorInfo): Tensor;
  readonly state: {
    readonly gradientDepth: number;
    readonly tensorInfo: WeakMap<object, { readonly backend: { incRef(dataId: object): void } }>;
  };
}

const internals = () => engine() as unknown as EngineInternals;

/** Another handle to the data of `x`, made without a kernel. It is disposed like any other tensor. */
export function handleTo(x: Tensor): Tensor {
  internals().state.tensorInfo.get(x.dataId)!.backend.incRef(x.dataId);
  return internals().makeTensorFromTensorInfo(x);
}

/**
 * Lets the tape keep a second handle to a tensor's data, where TF.js runs an Identity kernel and records it, once for
 * each tensor saved: a tenth of a small training step.
 *
 * Gradients of gradients need the recorded clone, so for them the clone is still made.
 */
export function keepHandles(): void {
  const { state } = internals();
  const recordedClone = internals().clone.bind(internals());
  internals().clone = (x) => (state.gradientDepth > 1 || x.dtype === 'complex64' ? recordedClone(x) : handleTo(x));
}
