// The TF.js backend: tensors in the engine's heap, kernels in its module.
//
// It extends the stock cpu backend, so every cpu kernel runs unchanged: a typed array over WebAssembly memory is still a
// typed array. Kernels that matter are replaced (src/engine/kernels).

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { tf } from '../tensor/tf.ts';
import type { Heap, HeapUse } from './heap.ts';
import type { Exports } from './module.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { LoadedVariant } from './variants.ts';

type BackendValues = tf.backend_util.BackendValues;
type EngineMemory = tf.MemoryInfo & HeapUse & { unreliable: false };
type Values = Float32Array | Int32Array | Uint8Array;
type NumericType = 'float32' | 'int32' | 'bool';

const bytesOf = (dtype: NumericType) => (dtype === 'bool' ? 1 : 4);

/** A tensor's data in the heap; `values` is what the kernels of the cpu backend look for. */
class HeapData {
  refCount = 1;
  readonly dtype: NumericType;
  readonly address: number;
  readonly length: number;
  readonly #heap: Heap;
  #view: Values | null = null;

  constructor(heap: Heap, dtype: NumericType, length: number) {
    this.#heap = heap;
    this.dtype = dtype;
    this.length = length;
    this.address = heap.allocate(length * bytesOf(dtype));
  }

  get values(): Values {
    // Memory that is not shared gets a new buffer when it grows, and views of the old one are emptied.
    if (this.#view?.length !== this.length) {
      const View = this.dtype === 'float32' ? Float32Array : this.dtype === 'int32' ? Int32Array : Uint8Array;
      this.#view = new View(this.#heap.memory.buffer, this.address, this.length);
    }
    return this.#view;
  }

  free(): void {
    this.#heap.free(this.address, this.length * bytesOf(this.dtype));
  }
}

const isNumeric = (dtype: tf.DataType): dtype is NumericType =>
  dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** TF.js backend over the engine. */
export class EngineBackend extends MathBackendCPU {
  readonly heap: Heap;
  readonly pool: ThreadPool;
  readonly variant: LoadedVariant;
  readonly #intermediates: HeapData[] = [];
  #isInKernel = false;

  constructor(heap: Heap, pool: ThreadPool, variant: LoadedVariant) {
    super();
    this.heap = heap;
    this.pool = pool;
    this.variant = variant;
  }

  /** The kernels of the calling thread. */
  get exports(): Exports {
    return this.pool.exports;
  }

  /** Copies values into the heap; without any (kernels of the cpu backend leave them out) the contents are undefined. */
  override write(values: BackendValues | null, shape: number[], dtype: tf.DataType): object {
    if (!isNumeric(dtype)) return super.write(values as BackendValues, shape, dtype);
    const { dataId } = this.output(shape, dtype);
    if (values != null) this.#dataOf(dataId).values.set(values as Values);
    return dataId;
  }

  override move(dataId: object, values: BackendValues, shape: number[], dtype: tf.DataType, refCount: number): void {
    if (!isNumeric(dtype)) {
      super.move(dataId, values, shape, dtype, refCount);
      return;
    }
    const data = new HeapData(this.heap, dtype, tf.util.sizeFromShape(shape));
    data.values.set(values as Values);
    data.refCount = refCount;
    this.#setData(dataId, data);
  }

  /** A new tensor with undefined contents. */
  output(shape: readonly number[], dtype: NumericType = 'float32'): tf.TensorInfo {
    const dataId = {};
    let length = 1;
    for (const size of shape) length *= size;
    this.#setData(dataId, new HeapData(this.heap, dtype, length));
    return { dataId, shape: shape as number[], dtype };
  }

  /** Where the elements of a tensor begin in the heap. */
  readonly address = (info: tf.TensorInfo): number => this.#dataOf(info.dataId).address;

  /** The elements of a tensor in place: valid until it is disposed. */
  view(info: tf.TensorInfo): Values {
    return this.#dataOf(info.dataId).values;
  }

  /** A copy: what is in the heap changes when the tensor is gone. */
  override readSync(dataId: object): BackendValues {
    const data = this.data.get(dataId) as unknown;
    if (!(data instanceof HeapData)) return super.readSync(dataId);
    return data.dtype === 'float32'
      ? new Float32Array(data.values)
      : data.dtype === 'int32'
        ? new Int32Array(data.values)
        : new Uint8Array(data.values);
  }

  override disposeData(dataId: object, force = false): boolean {
    const data = this.data.has(dataId) ? (this.data.get(dataId) as unknown) : null;
    const gone = super.disposeData(dataId, force);
    if (gone && data instanceof HeapData) {
      if (this.#isInKernel) this.#intermediates.push(data);
      else data.free();
    }
    if (!this.#isInKernel) this.#freeIntermediates();
    return gone;
  }

  /** Called by kernels of the cpu backend, of which some read what they have disposed (FFT): it stays until they end. */
  override disposeIntermediateTensorInfo({ dataId }: tf.TensorInfo): void {
    this.#isInKernel = true;
    this.disposeData(dataId);
    this.#isInKernel = false;
  }

  #freeIntermediates(): void {
    while (this.#intermediates.length > 0) this.#intermediates.pop()!.free();
  }

  /** Bytes of the heap; TF.js adds its own counts of tensors and their bytes. */
  override memory(): EngineMemory {
    this.#freeIntermediates();
    return { unreliable: false, ...this.heap.use } as EngineMemory;
  }

  override dispose(): void {
    this.pool.terminate();
  }

  #dataOf(dataId: object): HeapData {
    return this.data.get(dataId) as unknown as HeapData;
  }

  #setData(dataId: object, data: HeapData): void {
    this.data.set(dataId, data as never);
  }
}
