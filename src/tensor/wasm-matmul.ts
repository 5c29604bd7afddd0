// Matrix products on TF.js's wasm backend, always through XNNPACK.
//
// The backend uses XNNPACK only for one untransposed product; anything transposed or batched falls to a scalar loop, thirty
// times slower, and that is most of a training step. Here operands are transposed first and batches run one by one, on
// views into the same memory.

import { getKernel, type KernelConfig, registerKernel, type TensorInfo } from '@tensorflow/tfjs';

interface WasmBackend {
  readonly wasm: {
    cwrap(name: string, result: null, args: readonly string[]): MatMulFunction;
    readonly tfjs: { disposeData(id: number): void };
  };
  readonly dataIdMap: { get(dataId: object): { id: number; memoryOffset: number }; delete(dataId: object): boolean };
  makeOutput(shape: number[], dtype: 'float32', memoryOffset?: number): TensorInfo;
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

/** out[i] = a[i] b[i] for [batch, M, K] and [batch, K, N]; an operand with one matrix serves all. */
function multiplyEach(backend: WasmBackend, a: TensorInfo, b: TensorInfo, out: TensorInfo, batches: [number, number]) {
  const [M, K] = a.shape.slice(-2) as [number, number];
  const N = b.shape.at(-1)!;
  const [aBytes, bBytes] = [shapeBytes([1, M, K]), shapeBytes([1, K, N])];
  const idOf = (info: TensorInfo) => backend.dataIdMap.get(info.dataId).id;
  const run = (aId: number, bId: number, outId: number) =>
    multiply?.(aId, aBytes, 3, bId, bBytes, 3, false, false, outId);
  const [aBatch, bBatch] = batches;
  const batch = Math.max(aBatch, bBatch);
  if (batch === 1) return run(idOf(a), idOf(b), idOf(out));
  for (let i = 0; i < batch; i++) {
    withView(backend, a, [M, K], aBatch === 1 ? 0 : i, (aId) =>
      withView(backend, b, [K, N], bBatch === 1 ? 0 : i, (bId) =>
        withView(backend, out, [M, N], i, (outId) => run(aId, bId, outId)),
      ),
    );
  }
}

const kernelFunc: KernelConfig['kernelFunc'] = ({ inputs, backend: any, attrs }) => {
  const backend = any as unknown as WasmBackend;
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
  const outer = [a, b].map((x) => x.shape.slice(0, -2));
  const batches = outer.map(product) as [number, number];
  const [left, right] = [transposeA ? transpose(backend, a) : a, transposeB ? transpose(backend, b) : b];
  const matrix = [left.shape.at(-2)!, right.shape.at(-1)!];
  const out = backend.makeOutput([...(batches[0] >= batches[1] ? outer[0]! : outer[1]!), ...matrix], 'float32');
  if (product(out.shape) > 0) multiplyEach(backend, left, right, out, batches);
  if (transposeA) backend.disposeData(left.dataId);
  if (transposeB) backend.disposeData(right.dataId);
  return out;
};

/** Replaces the wasm backend's matrix product. */
export function registerWasmMatMul(): void {
  registerKernel({ kernelName: 'BatchMatMul', backendName: 'wasm', setupFunc, kernelFunc });
}
