// Matrix products on TF.js's wasm backend, always through XNNPACK.
//
// The backend uses XNNPACK only for one untransposed product; anything transposed or batched falls to a scalar loop,
// which made the products of a training step of `tiny` six times slower. Here operands are transposed first and batches
// run one by one, on views into the same memory. Batches broadcast as in numpy; TF.js's own kernels get [2, 1, ..]
// times [2, 3, ..] wrong.

import { broadcast_util, getKernel, type KernelConfig, registerKernel, type TensorInfo } from '@tensorflow/tfjs-core';

interface WasmBackend {
  readonly wasm: {
    cwrap(name: string, result: null, args: readonly string[]): MatMulFunction;
    readonly tfjs: { disposeData(id: number): void };
  };
  readonly dataIdMap: { get(dataId: object): { id: number; memoryOffset: number }; delete(dataId: object): boolean };
  makeOutput(shape: number[], dtype: 'float32', memoryOffset?: number): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array;
  disposeData(dataId: object): boolean;
}

type MatMulFunction = (
  a: number,
  aShape: Uint8Array,
  aRank: number,
  b: number,
  bShape: Uint8Array,
  bRank: number,
  transposeA: boolean,
  transposeB: boolean,
  out: number,
) => void;

let multiply: MatMulFunction | undefined;

const setupFunc = (backend: unknown): void => {
  const args = ['number', 'array', 'number', 'number', 'array', 'number', 'number', 'number', 'number'];
  multiply = (backend as WasmBackend).wasm.cwrap('BatchMatMul', null, args);
};

const shapeBytes = (shape: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(shape).buffer);
const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** `x` [..., R, C] as a new tensor [batch, C, R]. */
function transpose(backend: WasmBackend, x: TensorInfo): TensorInfo {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const batch = product(x.shape.slice(0, -2));
  const kernel = getKernel('Transpose', 'wasm') as KernelConfig;
  const inputs = { x: { ...x, shape: [batch, rows, columns] } };
  return kernel.kernelFunc({ inputs, backend, attrs: { perm: [0, 2, 1] } }) as TensorInfo;
}

/** Runs `f` on the id of a tensor that is a part of another one's memory. */
function withView(backend: WasmBackend, of: TensorInfo, shape: number[], index: number, f: (id: number) => void) {
  const offset = backend.dataIdMap.get(of.dataId).memoryOffset + index * product(shape) * 4;
  const view = backend.makeOutput(shape, 'float32', offset);
  const { id } = backend.dataIdMap.get(view.dataId);
  f(id);
  // Not backend.disposeData: that would free memory in the middle of another tensor.
  backend.wasm.tfjs.disposeData(id);
  backend.dataIdMap.delete(view.dataId);
}

/** For each matrix of the result, the index of the operand's matrix that it is made from. */
function sourceMatrices(operand: readonly number[], result: readonly number[]): number[] {
  const lengths = [...new Array<number>(result.length - operand.length).fill(1), ...operand];
  return Array.from({ length: product(result) }, (_, i) => {
    let [rest, index, stride] = [i, 0, 1];
    for (let axis = result.length - 1; axis >= 0; axis--) {
      if (lengths[axis]! > 1) index += (rest % result[axis]!) * stride;
      rest = Math.floor(rest / result[axis]!);
      stride *= lengths[axis]!;
    }
    return index;
  });
}

/** out[i] = a[i] b[i] for [..., M, K] and [..., K, N]; `outer` are the shapes of their batches. */
function multiplyEach(
  backend: WasmBackend,
  a: TensorInfo,
  b: TensorInfo,
  out: TensorInfo,
  outer: [number[], number[]],
) {
  const [M, K] = a.shape.slice(-2) as [number, number];
  const N = b.shape.at(-1)!;
  const [aBytes, bBytes] = [shapeBytes([1, M, K]), shapeBytes([1, K, N])];
  const idOf = (info: TensorInfo) => backend.dataIdMap.get(info.dataId).id;
  const run = (aId: number, bId: number, outId: number) =>
    multiply?.(aId, aBytes, 3, bId, bBytes, 3, false, false, outId);
  const batches = out.shape.slice(0, -2);
  if (product(batches) === 1) return run(idOf(a), idOf(b), idOf(out));
  const [aOf, bOf] = [sourceMatrices(outer[0], batches), sourceMatrices(outer[1], batches)];
  for (let i = 0; i < aOf.length; i++) {
    withView(backend, a, [M, K], aOf[i]!, (aId) =>
      withView(backend, b, [K, N], bOf[i]!, (bId) =>
        withView(backend, out, [M, N], i, (outId) => run(aId, bId, outId)),
      ),
    );
  }
}

const kernelFunc: KernelConfig['kernelFunc'] = ({ inputs, backend: any, attrs }) => {
  const backend = any as unknown as WasmBackend;
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  if (a.dtype !== 'float32' || b.dtype !== 'float32')
    throw new Error(`matMul: float32 only, not ${a.dtype}, ${b.dtype}`);
  const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
  const outer: [number[], number[]] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batches = broadcast_util.assertAndGetBroadcastShape(...outer);
  const [left, right] = [transposeA ? transpose(backend, a) : a, transposeB ? transpose(backend, b) : b];
  const out = backend.makeOutput([...batches, left.shape.at(-2)!, right.shape.at(-1)!], 'float32');
  if (left.shape.at(-1) === 0) backend.typedArrayFromHeap(out).fill(0);
  else if (product(out.shape) > 0) multiplyEach(backend, left, right, out, outer);
  if (transposeA) backend.disposeData(left.dataId);
  if (transposeB) backend.disposeData(right.dataId);
  return out;
};

/** Replaces the wasm backend's matrix product. */
export function registerWasmMatMul(): void {
  registerKernel({ kernelName: 'BatchMatMul', backendName: 'wasm', setupFunc, kernelFunc });
}
