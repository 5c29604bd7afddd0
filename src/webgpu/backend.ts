// The TF.js backend: TF.js's own WebGPU backend, with memory, commands and recordings of ours. Kernels that matter are
// replaced (src/webgpu/kernels); TF.js's own run beside them, in the same command buffer.

import type { Recorded, Recorder } from '../tensor/recorder.ts';
import { tf } from '../tensor/tf.ts';
import { Commands, type GpuWork } from './commands.ts';
import { GpuPasses } from './decode/passes.ts';
import { Memory } from './memory.ts';
import { type Program, Programs } from './program.ts';
import { WebGpuRecording } from './recording.ts';
import { bindingOf, type Place } from './slabs.ts';
import { Staging } from './staging.ts';
import { Tables } from './tables.ts';
import type { TfjsBackend, TfjsBackendClass, TfjsProgram, TfjsUniforms } from './tfjs-backend.ts';
import { tfjsUniformBytes } from './tfjs-uniforms.ts';
import { Uniforms } from './uniforms.ts';

/** What kernels and the program see of the backend. */
export interface WebGpuBackend extends tf.KernelBackend, Recorder {
  readonly commands: Commands;
  readonly places: Memory;
  readonly tables: Tables;
  incRef(dataId: object): void;
  /** A new tensor with undefined contents. */
  output(shape: readonly number[], dtype?: 'float32' | 'int32'): tf.TensorInfo;
  /** A new vector with these contents. */
  upload(values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): tf.TensorInfo & { readonly shape: number[] };
  /** Where a tensor is; it is uploaded if it was not. */
  placeOf(info: Pick<tf.TensorInfo, 'dataId'>): Place;
  /** A tensor at a place that is not its own. */
  borrow(info: tf.TensorInfo, place: Place): tf.TensorInfo;
  /** Runs a program on tensors; `changes`: some of the numbers differ each time. */
  run(
    program: Program,
    tensors: Readonly<Record<string, Pick<tf.TensorInfo, 'dataId'>>>,
    numbers: Readonly<Record<string, number>>,
    groups: number,
    changes?: boolean,
  ): void;
  /** The same on bindings. */
  runOn(
    program: Program,
    bindings: Readonly<Record<string, GPUBufferBinding>>,
    numbers: Readonly<Record<string, number>>,
    groups: number,
    changes?: boolean,
  ): void;
  /** Copies from place to place. */
  copy(from: Place, to: Place): void;
  /** Writes the values of a tensor to a place, which no command that waits for its submission may use. */
  fill(place: Place, tensor: tf.Tensor): void;
  /** Waits for what is at a place. */
  readPlace(place: Place): Promise<ArrayBuffer>;
  /** Passes of a decoder, which the caller disposes. */
  decoderPasses(...made: DecoderParts): GpuPasses;
  /** What has been asked of the GPU. */
  readonly work: GpuWork;
}

/** What the passes of a decoder are made from, but for the backend. */
type DecoderParts = ConstructorParameters<typeof GpuPasses> extends [unknown, ...infer Parts] ? Parts : never;

const bytesOf = ({ shape, dtype }: { readonly shape: readonly number[]; readonly dtype: tf.DataType }) =>
  tf.util.sizeFromShape(shape as number[]) * (dtype === 'complex64' ? 8 : 4);

const overlaps = (a: Place, b: Place) =>
  a.buffer === b.buffer && a.offset < b.offset + Math.max(1, b.bytes) && b.offset < a.offset + Math.max(1, a.bytes);

/** Makes the backend from TF.js's class. */
export function createBackend(Base: TfjsBackendClass, device: GPUDevice, info: GPUAdapterInfo): WebGpuBackend {
  makeBindingsAlike(device);
  const commands = new Commands(device);
  const memory = new Memory(commands);
  const uniforms = new Uniforms(commands);
  const programs = new Programs(commands, uniforms);
  const staging = new Staging(commands);
  const tables = new Tables(commands);

  class Backend extends Base implements WebGpuBackend {
    readonly commands = commands;
    readonly places = memory;
    readonly tables = tables;
    readonly work: GpuWork = commands.work;

    output(shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
      const info = this.makeTensorInfo(shape as number[], dtype);
      this.uploadToGPU(info.dataId);
      return info;
    }

    upload(values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): tf.TensorInfo {
      const dtype = values instanceof Int32Array ? 'int32' : 'float32';
      return this.makeTensorInfo([values.length], dtype, values);
    }

    placeOf({ dataId }: Pick<tf.TensorInfo, 'dataId'>): Place {
      this.uploadToGPU(dataId);
      const data = this.tensorMap.get(dataId);
      return data.place ?? { buffer: data.resource!, offset: 0, bytes: bytesOf(data) };
    }

    borrow(tensor: tf.TensorInfo, place: Place): tf.TensorInfo {
      const { dataId } = this.makeTensorInfo(tensor.shape, tensor.dtype);
      Object.assign(this.tensorMap.get(dataId), { resource: place.buffer, place, external: true });
      return { dataId, shape: tensor.shape, dtype: tensor.dtype };
    }

    run(
      program: Program,
      tensors: Readonly<Record<string, Pick<tf.TensorInfo, 'dataId'>>>,
      numbers: Readonly<Record<string, number>>,
      groups: number,
      changes = false,
    ): void {
      const names = Object.keys(tensors);
      this.#distinct(
        names.map((name) => this.placeOf(tensors[name]!)),
        (places) => {
          const bindings = Object.fromEntries(names.map((name, i) => [name, bindingOf(places[i]!)]));
          programs.run(program, bindings, numbers, groups, changes);
        },
      );
    }

    runOn(...call: Parameters<WebGpuBackend['runOn']>): void {
      programs.run(...call);
    }

    record(
      inputs: readonly tf.Tensor[],
      variables: readonly tf.Variable[],
      body: (inputs: tf.Tensor[]) => tf.Tensor[],
    ): Recorded {
      const kept = memory.startRecording();
      const copies = inputs.map((input) => {
        const copy = this.output(input.shape, input.dtype as 'float32' | 'int32');
        return tf.engine().makeTensorFromTensorInfo(copy);
      });
      const places = copies.map((copy) => this.placeOf(copy));
      const variablePlaces = variables.map((variable) => this.placeOf(variable));
      // Nothing of the recording has run yet, so the inputs are there before it.
      memory.commands.record(null);
      for (const [i, input] of inputs.entries()) this.fill(places[i]!, input);
      memory.commands.record(kept.dispatches);
      try {
        const outputs = body(copies);
        const outputPlaces = outputs.map((output) => ({ info: { ...output }, place: this.placeOf(output) }));
        const infos = outputs.map(({ shape, dtype }, i) => ({ shape, dtype, place: outputPlaces[i]!.place }));
        const recording = new WebGpuRecording(this, kept, places, variables, variablePlaces, infos);
        return { outputs, recording };
      } finally {
        memory.endRecording();
        tf.dispose(copies);
        memory.trim();
      }
    }

    fill(place: Place, tensor: tf.Tensor): void {
      const { values, resource } = this.tensorMap.get(tensor.dataId);
      if (resource == null && values !== null) {
        memory.write(place, wordsOf(values, tensor.dtype));
        return;
      }
      this.copy(this.placeOf(tensor), place);
    }

    copy(from: Place, to: Place): void {
      const size = from.bytes / 4;
      programs.run(copyWords, { source: bindingOf(from), copied: bindingOf(to) }, { size }, Math.ceil(size / 256));
    }

    readPlace(place: Place): Promise<ArrayBuffer> {
      return staging.read(place);
    }

    decoderPasses(...made: DecoderParts): GpuPasses {
      return new GpuPasses(this, ...made);
    }

    override uploadToGPU(dataId: object): void {
      const data = this.tensorMap.get(dataId);
      if (data.resource != null) return;
      data.place =
        data.values === null || data.values === undefined
          ? memory.allocate(bytesOf(data))
          : memory.upload(wordsOf(data.values, data.dtype));
      data.resource = data.place.buffer;
      data.values = null;
    }

    override releaseResource(dataId: object): void {
      const data = this.tensorMap.get(dataId);
      if (data?.place === undefined || data.external === true) {
        super.releaseResource(dataId);
        return;
      }
      memory.free(data.place);
      data.resource = null;
    }

    override tensorToBinding(tensor: tf.TensorInfo): GPUBindingResource {
      const { place } = this.tensorMap.get(tensor.dataId);
      return place === undefined ? super.tensorToBinding(tensor) : bindingOf(place);
    }

    override makeUniforms(list: TfjsUniforms): GPUBufferBinding {
      return uniforms.bind(tfjsUniformBytes(list));
    }

    override recordAndSubmit(
      program: TfjsProgram,
      output: tf.TensorInfo,
      inputs: readonly tf.TensorInfo[],
      own: TfjsUniforms = [],
    ): void {
      const numbers: TfjsUniforms = [];
      const strides = (shape: number[]) => ({ type: 'int32', data: tf.util.computeStrides(shape) });
      if (program.pixelsOpType == null) {
        numbers.push({ type: 'float32', data: [Number.NaN] }, { type: 'float32', data: [Number.POSITIVE_INFINITY] });
        for (const { shape } of [...inputs, output]) numbers.push({ type: 'int32', data: shape }, strides(shape));
      } else {
        numbers.push(strides(output.shape));
      }
      if (program.size) {
        const size = tf.util.sizeFromShape(program.outputShape);
        numbers.push({ type: 'int32', data: [program.outputComponent ? size / program.outputComponent : size] });
      }
      const uniformBinding = this.makeUniforms([...numbers, ...own]);
      const places = [output, ...inputs].map((tensor) => this.placeOf(tensor));
      this.#distinct(places, (distinct) => {
        const resources = [...distinct.map(bindingOf), uniformBinding];
        const bindGroup = device.createBindGroup({
          layout: program.pipeline.getBindGroupLayout(0),
          entries: resources.map((resource, binding) => ({ binding, resource })),
        });
        commands.run({ pipeline: program.pipeline, bindGroup, grid: program.dispatch });
      });
    }

    /** Calls `use` with places of which none overlaps another: what is bound twice is copied. */
    #distinct(places: readonly Place[], use: (places: Place[]) => void): void {
      const copies: Place[] = [];
      const distinct: Place[] = [];
      for (const place of places) {
        if (!distinct.some((other) => overlaps(place, other))) {
          distinct.push(place);
          continue;
        }
        const copy = memory.allocate(place.bytes);
        this.copy(place, copy);
        distinct.push(copy);
        copies.push(copy);
      }
      use(distinct);
      for (const copy of copies) memory.free(copy);
    }

    override ensureCommandEncoderReady(): void {
      this.commandEncoder = commands.encoder();
    }

    override endComputePassEncoder(): void {
      commands.endPass();
    }

    override submitQueue(): void {
      commands.submit();
      this.commandEncoder = null;
    }

    override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
      const data = this.tensorMap.get(dataId);
      if (data.values != null || data.place === undefined) return super.read(dataId);
      const bytes = await staging.read(data.place);
      return data.dtype === 'float32'
        ? new Float32Array(bytes)
        : data.dtype === 'int32'
          ? new Int32Array(bytes)
          : Uint8Array.from(new Int32Array(bytes));
    }

    override readSync(dataId: object): tf.backend_util.BackendValues {
      const { values } = this.tensorMap.get(dataId);
      if (values != null) return values;
      throw new Error('webgpu: a tensor cannot be read without waiting; use `await tensor.data()`');
    }

    override memory(): ReturnType<TfjsBackend['memory']> {
      const { bytesAllocated } = commands.work;
      return { unreliable: false, numBytesInGPU: bytesAllocated, numBytesAllocatedInGPU: bytesAllocated } as never;
    }

    override dispose(): void {
      commands.submit();
      memory.dispose();
      device.destroy();
    }
  }
  return new Backend(device, info);
}

function wordsOf(values: tf.backend_util.BackendValues, dtype: tf.DataType): ArrayBufferView<ArrayBuffer> {
  if (dtype === 'float32') return Float32Array.from(values as ArrayLike<number>);
  return Int32Array.from(values as ArrayLike<number>);
}

/** WebGPU's own copy refuses two places in one buffer. */
const copyWords: Program = {
  name: 'Copy',
  tensors: { source: 'u32', copied: 'u32' },
  numbers: { size: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { copied[i] = source[i]; }`,
};

/** TF.js declares its inputs read-only, which would forbid them to be in the buffer of the output. */
function makeBindingsAlike(device: GPUDevice): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) =>
    create({ ...descriptor, code: descriptor.code.replaceAll('var<storage, read>', 'var<storage, read_write>') });
}
