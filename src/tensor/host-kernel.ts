// Kernels written in TypeScript, for the backends whose tensors are typed arrays the host can touch: `cpu` and `wasm`.

import { type KernelConfig, registerKernel, type TensorInfo } from '@tensorflow/tfjs-core';

export type Values = Float32Array | Int32Array | Uint8Array;
type NumericType = 'float32' | 'int32' | 'bool';

/** How a host kernel reaches tensors. Make every output before taking any view: making one can move the wasm heap. */
export interface HostMemory {
  /** A new tensor with undefined contents. */
  make(shape: readonly number[], dtype: NumericType): TensorInfo;
  /** The values of a tensor, in place. */
  view(info: TensorInfo): Values;
  /** Frees a tensor that `make` made, and that nothing else refers to. */
  free(info: TensorInfo): void;
}

export type HostKernel = (
  memory: HostMemory,
  inputs: Readonly<Record<string, TensorInfo>>,
  attrs: Readonly<Record<string, unknown>>,
) => TensorInfo | TensorInfo[];

interface CpuBackend {
  readonly data: { get(id: object): { values: Values } };
  makeTensorInfo(shape: number[], dtype: string, values: Values): TensorInfo;
  disposeData(dataId: object): boolean;
}

interface WasmBackend {
  makeOutput(shape: number[], dtype: string): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Values;
  disposeData(dataId: object): boolean;
}

const arrayOf = (size: number, dtype: NumericType): Values =>
  dtype === 'float32' ? new Float32Array(size) : dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);

const cpuMemory = (backend: CpuBackend): HostMemory => ({
  make: (shape, dtype) =>
    backend.makeTensorInfo(
      [...shape],
      dtype,
      arrayOf(
        shape.reduce((a, b) => a * b, 1),
        dtype,
      ),
    ),
  view: (info) => backend.data.get(info.dataId).values,
  free: (info) => void backend.disposeData(info.dataId),
});

const wasmMemory = (backend: WasmBackend): HostMemory => ({
  make: (shape, dtype) => backend.makeOutput([...shape], dtype),
  view: (info) => backend.typedArrayFromHeap(info),
  free: (info) => void backend.disposeData(info.dataId),
});

export type HostBackend = 'cpu' | 'wasm';

/** `kernel` in the form in which TF.js calls kernels. */
export function hostKernelFunc(backendName: HostBackend, kernel: HostKernel): KernelConfig['kernelFunc'] {
  const memoryOf = (backend: unknown) =>
    backendName === 'cpu' ? cpuMemory(backend as CpuBackend) : wasmMemory(backend as WasmBackend);
  return ({ inputs, backend, attrs }) =>
    kernel(memoryOf(backend), inputs as Record<string, TensorInfo>, (attrs ?? {}) as Record<string, unknown>);
}

/** Registers `kernel` under `kernelName`, in place of what is there. */
export function registerHostKernel(backendName: HostBackend, kernelName: string, kernel: HostKernel): void {
  registerKernel({ kernelName, backendName, kernelFunc: hostKernelFunc(backendName, kernel) });
}
