// What is used of TF.js's WebGPU backend (4.22), whose class comes from its package at run time, and not from an
// import: the core of this package must not bring it along.

import type { tf } from '../tensor/tf.ts';
import type { Place } from './slabs.ts';

/** What TF.js knows of a tensor. */
export interface TensorData {
  values: tf.backend_util.BackendValues | null;
  readonly dtype: tf.DataType;
  readonly shape: number[];
  refCount: number;
  resource?: GPUBuffer | null;
  external?: boolean;
  /** Ours: where in the buffer it is. */
  place?: Place;
}

/** A shader of TF.js, with what its kernel has decided. */
export interface TfjsProgram {
  readonly pipeline: GPUComputePipeline;
  readonly dispatch: [number, number, number];
  readonly outputShape: number[];
  readonly size?: boolean;
  readonly outputComponent?: number;
  readonly pixelsOpType?: number | null;
}

export type TfjsUniforms = { readonly type: string; data: number[] }[];

/** The methods that are called or replaced. */
export interface TfjsBackend extends tf.KernelBackend {
  readonly device: GPUDevice;
  readonly tensorMap: tf.DataStorage<TensorData>;
  commandEncoder: GPUCommandEncoder | null;
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType, values?: tf.backend_util.BackendValues): tf.TensorInfo;
  incRef(dataId: object): void;
  uploadToGPU(dataId: object): void;
  releaseResource(dataId: object): void;
  tensorToBinding(tensor: tf.TensorInfo): GPUBindingResource;
  makeUniforms(uniforms: TfjsUniforms): GPUBufferBinding;
  recordAndSubmit(
    program: TfjsProgram,
    output: tf.TensorInfo,
    inputs: readonly tf.TensorInfo[],
    uniforms?: TfjsUniforms,
  ): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export type TfjsBackendClass = new (device: GPUDevice, adapterInfo: GPUAdapterInfo) => TfjsBackend;
