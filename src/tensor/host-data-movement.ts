// Slicing, splitting and gathering on the wasm backend without copying the whole input first.
//
// The backend's own kernels read their input out of the wasm heap for every slice, and gather element by element; in a
// training step they cost more than the arithmetic. Results are the same.

import { getKernel, type KernelConfig, registerKernel, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { type HostKernel, type HostMemory, hostKernelFunc, type Values } from './host-kernel.ts';

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
  // A number or a short array stands for the first axes; size -1 is the rest of an axis.
  const [begin, sizes] = slice_util.parseSliceParams(x, attrs.begin as number[], attrs.size as number[]) as [
    number[],
    number[],
  ];
  for (const [axis, length] of x.shape.entries()) {
    if (begin[axis]! >= 0 && sizes[axis]! >= 0 && begin[axis]! + sizes[axis]! <= length) continue;
    throw new Error(`slice: ${sizes[axis]} elements from ${begin[axis]} are not in axis ${axis} of shape [${x.shape}]`);
  }
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

/** Sizes of the parts of an axis: equal ones for a number; in a list, one -1 is what the others leave. */
function splitSizes(numOrSizes: unknown, length: number): number[] {
  const sizes = Array.isArray(numOrSizes)
    ? (numOrSizes as number[])
    : new Array<number>(Number(numOrSizes)).fill(length / Number(numOrSizes));
  const named = sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  const parts = sizes.includes(-1) ? sizes.with(sizes.indexOf(-1), length - named) : sizes;
  const sum = parts.reduce((a, b) => a + b, 0);
  if (sum !== length || !parts.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new Error(`split: parts of ${parts.join(', ')} do not make up an axis of ${length}`);
  }
  return parts;
}

const splitV: HostKernel = (memory, { x }, { numOrSizeSplits, axis }) => {
  if (x === undefined) throw new Error('internal: SplitV without input');
  const along = util.parseAxisParam(Number(axis), x.shape)[0]!;
  let begin = 0;
  const ranges = splitSizes(numOrSizeSplits, x.shape[along]!).map((size): Range => {
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
  const wrong = memory.view(indices).find((id) => id < 0 || id >= length);
  if (wrong !== undefined) throw new Error(`gather: index ${wrong} is outside 0 .. ${length - 1}`);
  const out = memory.make(x.shape.toSpliced(along, 1, ...indices.shape), typeOf(x));
  const [source, target, ids] = [memory.view(x), memory.view(out), memory.view(indices)];
  for (let at = 0; at < target.length; at += inner) {
    const row = Math.floor(at / inner);
    const from = Math.floor(row / ids.length) * length + ids[row % ids.length]!;
    copyRun(target, at, source, from * inner, inner);
  }
  return out;
};

const isNumeric = ({ dtype }: TensorInfo) => dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** Puts `kernel` in place of the wasm backend's, which keeps strings and whatever `suits` refuses. */
function replace(name: string, kernel: HostKernel, suits: (attrs: Record<string, unknown>) => boolean = () => true) {
  const original = getKernel(name, 'wasm') as KernelConfig;
  const ours = hostKernelFunc('wasm', kernel);
  registerKernel({
    ...original,
    kernelFunc: (call) => {
      const numeric = Object.values(call.inputs).every((input) => isNumeric(input as TensorInfo));
      return numeric && suits(call.attrs ?? {}) ? ours(call) : original.kernelFunc(call);
    },
  });
}

/** Replaces the wasm backend's kernels for moving data; batched gathers stay with the original. */
export function registerDataMovement(): void {
  replace('Slice', slice);
  replace('SplitV', splitV);
  replace('Unpack', unpack);
  replace('GatherV2', gather, (attrs) => Number(attrs.batchDims ?? 0) === 0);
}
