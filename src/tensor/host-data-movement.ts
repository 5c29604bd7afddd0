// Slicing, splitting and gathering on the wasm backend without copying the whole input first.
//
// The backend's own kernels read their input out of the wasm heap for every slice, and gather element by element; in a
// training step they cost more than the arithmetic. Results are the same.

import { getKernel, type KernelConfig, registerKernel, type TensorInfo, util } from '@tensorflow/tfjs';
import { type HostKernel, type HostMemory, hostKernelFunc, registerHostKernel, type Values } from './host-kernel.ts';

type Range = readonly [begin: number, size: number];

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const typeOf = ({ dtype }: TensorInfo) => (dtype === 'int32' || dtype === 'bool' ? dtype : 'float32');

/** Copies `length` elements; short runs in a loop, since a typed array view costs more than they do. */
function copyRun(target: Values, at: number, source: Values, from: number, length: number): void {
  if (length < 64) for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
  else target.set(source.subarray(from, from + length), at);
}

/** Parts of `x` along one axis, each a new tensor. */
function splitAxis(memory: HostMemory, x: TensorInfo, axis: number, ranges: readonly Range[]): TensorInfo[] {
  const outer = product(x.shape.slice(0, axis));
  const inner = product(x.shape.slice(axis + 1));
  const outs = ranges.map(([, size]) => memory.make(x.shape.toSpliced(axis, 1, size), typeOf(x)));
  const source = memory.view(x);
  for (const [part, [begin, size]] of ranges.entries()) {
    const target = memory.view(outs[part]!);
    const run = size * inner;
    for (let o = 0; o < outer; o++) copyRun(target, o * run, source, (o * x.shape[axis]! + begin) * inner, run);
  }
  return outs;
}

/** Slices one axis after the other; almost always there is only one. */
const slice: HostKernel = (memory, { x }, attrs) => {
  if (x === undefined) throw new Error('internal: Slice without input');
  const [begin, size] = [attrs.begin, attrs.size] as [number[], number[]];
  const sizes = x.shape.map((length, axis) => (size[axis]! < 0 ? length - begin[axis]! : size[axis]!));
  const axes = x.shape.flatMap((length, axis) => (sizes[axis] === length ? [] : [axis]));
  if (axes.length === 0) axes.push(0);
  let out = x;
  for (const axis of axes) {
    const next = splitAxis(memory, out, axis, [[begin[axis]!, sizes[axis]!]])[0]!;
    if (out !== x) memory.free(out);
    out = next;
  }
  return out;
};

const splitV: HostKernel = (memory, { x }, { numOrSizeSplits, axis }) => {
  if (x === undefined) throw new Error('internal: SplitV without input');
  const along = util.parseAxisParam(Number(axis), x.shape)[0]!;
  const length = x.shape[along]!;
  const sizes = Array.isArray(numOrSizeSplits)
    ? (numOrSizeSplits as number[])
    : new Array<number>(Number(numOrSizeSplits)).fill(length / Number(numOrSizeSplits));
  let begin = 0;
  const ranges = sizes.map((size): Range => {
    begin += size;
    return [begin - size, size];
  });
  return splitAxis(memory, x, along, ranges);
};

const unpack: HostKernel = (memory, { value }, { axis }) => {
  if (value === undefined) throw new Error('internal: Unpack without input');
  const along = util.parseAxisParam(Number(axis), value.shape)[0]!;
  const ranges = Array.from({ length: value.shape[along]! }, (_, i): Range => [i, 1]);
  const shape = value.shape.toSpliced(along, 1);
  return splitAxis(memory, value, along, ranges).map((part) => ({ ...part, shape }));
};

/** Rows of `x` along one axis, in the order of `indices` (any shape). */
const gather: HostKernel = (memory, { x, indices }, { axis }) => {
  if (x === undefined || indices === undefined) throw new Error('internal: GatherV2 without inputs');
  const along = util.parseAxisParam(Number(axis), x.shape)[0]!;
  const length = x.shape[along]!;
  const inner = product(x.shape.slice(along + 1));
  const out = memory.make(x.shape.toSpliced(along, 1, ...indices.shape), typeOf(x));
  const [source, target, ids] = [memory.view(x), memory.view(out), memory.view(indices)];
  for (let at = 0; at < target.length; at += inner) {
    const row = Math.floor(at / inner);
    const id = ids[row % ids.length]!;
    if (id < 0 || id >= length) throw new Error(`gather: index ${id} is outside 0 .. ${length - 1}`);
    copyRun(target, at, source, (Math.floor(row / ids.length) * length + id) * inner, inner);
  }
  return out;
};

/** Replaces the wasm backend's kernels for moving data; batched gathers stay with the original. */
export function registerDataMovement(): void {
  registerHostKernel('wasm', 'Slice', slice);
  registerHostKernel('wasm', 'SplitV', splitV);
  registerHostKernel('wasm', 'Unpack', unpack);
  const original = getKernel('GatherV2', 'wasm') as KernelConfig;
  const kernelFunc = hostKernelFunc('wasm', gather);
  registerKernel({
    ...original,
    kernelFunc: (call) => (Number(call.attrs?.batchDims ?? 0) > 0 ? original.kernelFunc(call) : kernelFunc(call)),
  });
}
