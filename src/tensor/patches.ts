// Repairs of TF.js 4.22, which is frozen upstream. Each has a test in tests/tensor/patches.test.ts.

import {
  concat,
  type KernelConfig,
  registerGradient,
  registerKernel,
  stack,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { registerDataMovement } from './host-data-movement.ts';
import { type HostKernel, registerHostKernel } from './host-kernel.ts';
import { keepHandles } from './saved-handles.ts';
import { registerWasmMatMul } from './wasm-matmul.ts';

/**
 * Sums rows of `x` [M, ...] by `segmentIds` [M] into [numSegments, ...]; the gradient of every gather.
 *
 * The wasm backend lacks it (tfjs#8082), and the cpu backend takes time proportional to segments times rows. Rows are
 * added in order, so results are the same every time.
 */
const unsortedSegmentSum: HostKernel = (memory, { x, segmentIds }, { numSegments }) => {
  if (x === undefined || segmentIds === undefined) throw new Error('internal: UnsortedSegmentSum without inputs');
  const row = x.shape.slice(segmentIds.shape.length).reduce((a, b) => a * b, 1);
  const out = memory.make([Number(numSegments), ...x.shape.slice(segmentIds.shape.length)], 'float32');
  const [sums, values, ids] = [memory.view(out), memory.view(x), memory.view(segmentIds)];
  sums.fill(0);
  for (let m = 0; m < ids.length; m++) {
    const target = ids[m]! * row;
    const source = m * row;
    if (target >= 0) for (let i = 0; i < row; i++) sums[target + i]! += values[source + i]!;
  }
  return out;
};

/**
 * `depth` numbers for each index, all `offValue` but one.
 *
 * The wasm backend writes integer bits into a float32 result: its ones are 1.4e-45.
 */
const oneHot: HostKernel = (memory, { indices }, { depth, onValue, offValue, dtype }) => {
  if (indices === undefined) throw new Error('internal: OneHot without indices');
  const width = Number(depth);
  const out = memory.make([...indices.shape, width], dtype === 'float32' ? 'float32' : 'int32');
  const [values, ids] = [memory.view(out), memory.view(indices)];
  values.fill(Number(offValue));
  for (let i = 0; i < ids.length; i++)
    if (ids[i]! >= 0 && ids[i]! < width) values[i * width + ids[i]!] = Number(onValue);
  return out;
};

/**
 * TF.js passes the gradient of an op with one output bare, and its gradients of split and unstack want a list.
 *
 * Done for each backend: tfjs-node imports all of TF.js, which puts its own gradients back.
 */
function registerSplitGradients(): void {
  const list = (dy: Tensor | Tensor[]) => (Array.isArray(dy) ? dy : [dy]);
  registerGradient({
    kernelName: 'SplitV',
    gradFunc: (dy, _, attrs) => ({ x: () => concat(list(dy), Number(attrs.axis)) }),
  });
  registerGradient({
    kernelName: 'Unpack',
    gradFunc: (dy, _, attrs) => ({ value: () => stack(list(dy), Number(attrs.axis)) }),
  });
}

/** A clone shares its memory, as on every other backend: the wasm kernel copies, and the tape clones all it saves. */
const shareMemory: KernelConfig['kernelFunc'] = ({ inputs, backend }) => {
  const x = inputs.x as TensorInfo;
  (backend as { incRef(dataId: object): void }).incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
};

const patched = new Set<string>();

/** Puts the repairs of a backend in place, once; its own kernels must be loaded, or they would replace these. */
export function registerPatches(backendName: string): void {
  if (patched.has(backendName)) return;
  if (patched.size === 0) keepHandles();
  registerSplitGradients();
  patched.add(backendName);
  if (backendName === 'cpu') registerHostKernel('cpu', 'UnsortedSegmentSum', unsortedSegmentSum);
  if (backendName !== 'wasm') return;
  registerHostKernel('wasm', 'UnsortedSegmentSum', unsortedSegmentSum);
  registerHostKernel('wasm', 'OneHot', oneHot);
  registerKernel({ kernelName: 'Identity', backendName: 'wasm', kernelFunc: shareMemory });
  registerWasmMatMul();
  registerDataMovement();
}
