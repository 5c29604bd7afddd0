// The TF.js backend: tensors in the engine's heap, kernels in its module.
//
// It extends the stock cpu backend, so every cpu kernel runs unchanged: a typed array over WebAssembly memory is still
// a typed array. Kernels that matter are replaced (src/engine/kernels).

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { Recorded, Recorder } from '../tensor/recorder.ts';
import { tf } from '../tensor/tf.ts';
import type { Address } from './address.ts';
import type { Exports } from './exports.ts';
import type { Heap, HeapUse } from './heap.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { type Call, EngineRecording, notingExports } from './recording.ts';
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
  readonly address: Address;
  readonly length: number;
  readonly #heap: Heap;
  readonly #isOwn: boolean;
  #view: Values | null = null;

  /** `isOwn`: whether the memory at `address` is freed with it. */
  constructor(heap: Heap, dtype: NumericType, length: number, address: Address, isOwn = true) {
    this.#heap = heap;
    this.#isOwn = isOwn;
    this.dtype = dtype;
    this.length = length;
    this.address = address;
  }

  /** For kernels in JavaScript, which no recording can repeat. */
  get values(): Values {
    this.#heap.openedArena?.refuse('a kernel runs in JavaScript');
    return this.view;
  }

  get view(): Values {
    // Memory that is not shared gets a new buffer when it grows, and views of the old one are emptied.
    if (this.#view?.length !== this.length) {
      const View = this.dtype === 'float32' ? Float32Array : this.dtype === 'int32' ? Int32Array : Uint8Array;
      this.#view = this.#heap.view<Values>(View, this.address, this.length);
    }
    return this.#view;
  }

  free(): void {
    if (this.#isOwn) this.#heap.free(this.address, this.length * bytesOf(this.dtype));
  }
}

const isNumeric = (dtype: tf.DataType): dtype is NumericType =>
  dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** TF.js backend over the engine. */
export class EngineBackend extends MathBackendCPU implements Recorder, KernelMemory {
  readonly heap: Heap;
  readonly pool: ThreadPool;
  readonly variant: LoadedVariant;
  readonly #intermediates: HeapData[] = [];
  #isInKernel = false;
  /** The kernels while they are recorded. */
  #noting: Exports | null = null;

  constructor(heap: Heap, pool: ThreadPool, variant: LoadedVariant) {
    super();
    this.heap = heap;
    this.pool = pool;
    this.variant = variant;
  }

  /** The kernels of the calling thread. */
  get exports(): Exports {
    return this.#noting ?? this.pool.exports;
  }

  /**
   * Copies values into the heap; without any (kernels of the cpu backend leave them out) the contents are undefined.
   */
  override write(values: BackendValues | null, shape: number[], dtype: tf.DataType): object {
    if (!isNumeric(dtype)) return super.write(values as BackendValues, shape, dtype);
    if (values == null) return this.output(shape, dtype).dataId;
    const dataId = {};
    this.#setData(dataId, this.#constant(values as Values, shape, dtype));
    return dataId;
  }

  override move(dataId: object, values: BackendValues, shape: number[], dtype: tf.DataType, refCount: number): void {
    if (!isNumeric(dtype)) {
      super.move(dataId, values, shape, dtype, refCount);
      return;
    }
    const data = this.#constant(values as Values, shape, dtype);
    data.refCount = refCount;
    this.#setData(dataId, data);
  }

  #constant(values: Values, shape: readonly number[], dtype: NumericType): HeapData {
    const length = tf.util.sizeFromShape(shape as number[]);
    const data = new HeapData(this.heap, dtype, length, this.heap.allocateConstant(length * bytesOf(dtype)));
    data.view.set(values);
    return data;
  }

  /** A new tensor with undefined contents. */
  output(shape: readonly number[], dtype: NumericType = 'float32'): tf.TensorInfo {
    const dataId = {};
    let length = 1;
    for (const size of shape) length *= size;
    this.#setData(dataId, new HeapData(this.heap, dtype, length, this.heap.allocate(length * bytesOf(dtype))));
    return { dataId, shape: shape as number[], dtype };
  }

  /** A tensor whose elements lie at `address`, in memory that is not its own. */
  borrow({ shape, dtype }: tf.TensorInfo, address: Address): tf.TensorInfo {
    const dataId = {};
    const length = tf.util.sizeFromShape(shape);
    this.#setData(dataId, new HeapData(this.heap, dtype as NumericType, length, address, false));
    return { dataId, shape, dtype };
  }

  /** Runs `body` and records its kernels; see `Recorder`. Inputs are float32 or int32. */
  record(
    inputs: readonly tf.Tensor[],
    variables: readonly tf.Variable[],
    body: (inputs: tf.Tensor[]) => tf.Tensor[],
  ): Recorded {
    const calls: Call[] = [];
    const arena = this.heap.openArena();
    const copies = inputs.map((input) => this.#lastingCopy(input));
    const places = copies.map(this.address);
    try {
      this.#noting = notingExports(this.pool.exports, calls);
      const outputs = body(copies);
      const recording = new EngineRecording(this, arena, calls, places, variables, outputs);
      if (arena.refusal === null) return { outputs, recording };
      this.heap.dissolve(arena);
      return { outputs, recording: null };
    } catch (error) {
      this.heap.dissolve(arena);
      throw error;
    } finally {
      this.#noting = null;
      this.heap.closeArena();
      tf.dispose(copies);
    }
  }

  #lastingCopy({ dataId, shape, dtype }: tf.Tensor): tf.Tensor {
    const copy = this.write(this.#dataOf(dataId).view, shape, dtype);
    return tf.engine().makeTensorFromTensorInfo({ dataId: copy, shape, dtype });
  }

  /** Where the elements of a tensor begin in the heap. */
  readonly address = (info: tf.TensorInfo): Address => this.#dataOf(info.dataId).address;

  /** Numbers of a work space, to be written by JavaScript. */
  words(address: Address, length: number): Uint32Array {
    this.heap.openedArena?.refuse('a table is written in JavaScript');
    return this.heap.view(Uint32Array, address, length);
  }

  /** The elements of a tensor in place: valid until it is disposed. */
  view(info: tf.TensorInfo): Values {
    return this.#dataOf(info.dataId).values;
  }

  /** A copy: what is in the heap changes when the tensor is gone. */
  override readSync(dataId: object): BackendValues {
    const data = this.data.get(dataId) as unknown;
    if (!(data instanceof HeapData)) return super.readSync(dataId);
    // `values`, not `view`: a computation that reads what it has computed cannot be recorded.
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

  /**
   * Called by kernels of the cpu backend, of which some read what they have disposed (FFT): it stays until they end.
   */
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
