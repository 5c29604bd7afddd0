// Slice, SplitV, Unpack, Concat, Pack, PadV2, Tile and Transpose of elements of four bytes.
//
// All but some transposes are copies of rows. Where the result is the whole input in its order, nothing is copied.

import { tf } from '../../tensor/tf.ts';
import { type Address, plus } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { bitsOf, copyAlong, hasWords, makeLike, share, sizeBetween } from './move-share.ts';
import { type PartialKernel, registerPartialKernel, sizeOf } from './register.ts';
import { StridedAxes } from './strided-axes.ts';

type Info = tf.TensorInfo;

const axes = new StridedAxes();

/** `axis` counted from the front; null if there is none. */
function axisOf(axis: number, rank: number): number | null {
  const found = axis < 0 ? axis + rank : axis;
  return found >= 0 && found < rank ? found : null;
}

const slice: PartialKernel<'Slice'> = (backend, { x }, { begin: first, size }) => {
  if (!hasWords(x)) return null;
  // A number or a short array stands for the first axes; size -1 is the rest of an axis.
  const parsed = tf.slice_util.parseSliceParams(x, first, size);
  const begin = parsed[0]!;
  const shape = parsed[1]!;
  tf.slice_util.assertParamsValid(x, begin, shape);
  let [offset, step, outStep] = [0, 1, 1];
  axes.clear();
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    offset += begin[axis]! * step;
    axes.add(shape[axis]!, step, outStep);
    step *= x.shape[axis]!;
    outStep *= shape[axis]!;
  }
  if (axes.size === step) return share(backend, x, shape);
  if (!axes.fit) return null;
  const out = makeLike(backend, x, shape);
  copyAlong(backend, axes, plus(backend.address(x), 4 * offset), backend.address(out));
  return out;
};

/**
 * Copies one of several stretches that lie one after the other along an axis: `run` elements in each of `outer` rows.
 */
function copyStretch(
  backend: EngineBackend,
  from: Address,
  fromRow: number,
  to: Address,
  toRow: number,
  rows: number,
  run: number,
) {
  axes.clear();
  axes.add(run, 1, 1);
  axes.add(rows, fromRow, toRow);
  copyAlong(backend, axes, from, to);
}

/** Parts of `x`, of `runs[i]` elements in each of `outer` rows. */
function splitRows(
  backend: EngineBackend,
  x: Info,
  outer: number,
  shapes: readonly number[][],
  runs: readonly number[],
) {
  const row = runs.reduce((a, b) => a + b, 0);
  let from = backend.address(x);
  return shapes.map((shape, i) => {
    const out = makeLike(backend, x, shape);
    copyStretch(backend, from, row, backend.address(out), runs[i]!, outer, runs[i]!);
    from = plus(from, 4 * runs[i]!);
    return out;
  });
}

const splitV: PartialKernel<'SplitV'> = (backend, { x }, attrs) => {
  const axis = axisOf(attrs.axis, x.shape.length);
  if (!hasWords(x) || axis === null) return null;
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
  if (sizes.length === 1) return [share(backend, x, x.shape)];
  const inner = sizeBetween(x.shape, axis + 1, x.shape.length);
  const shapes = sizes.map((size) => x.shape.with(axis, size));
  const runs = sizes.map((size) => size * inner);
  return splitRows(backend, x, sizeBetween(x.shape, 0, axis), shapes, runs);
};

const unpack: PartialKernel<'Unpack'> = (backend, { value }, attrs) => {
  const axis = axisOf(attrs.axis, value.shape.length);
  if (!hasWords(value) || axis === null) return null;
  const shape = value.shape.toSpliced(axis, 1);
  if (value.shape[axis] === 1) return [share(backend, value, shape)];
  const inner = sizeBetween(value.shape, axis + 1, value.shape.length);
  const parts = new Array<number[]>(value.shape[axis]!).fill(shape);
  return splitRows(backend, value, sizeBetween(value.shape, 0, axis), parts, new Array(parts.length).fill(inner));
};

/** Puts tensors side by side: `runs[i]` elements of each in each of `outer` rows. */
function joinRows(
  backend: EngineBackend,
  parts: readonly Info[],
  outer: number,
  shape: number[],
  runs: readonly number[],
) {
  const out = makeLike(backend, parts[0]!, shape);
  const row = runs.reduce((a, b) => a + b, 0);
  let to = backend.address(out);
  for (const [i, part] of parts.entries()) {
    copyStretch(backend, backend.address(part), runs[i]!, to, row, outer, runs[i]!);
    to = plus(to, 4 * runs[i]!);
  }
  return out;
}

/** Whether all tensors have words of one type and the same shape, axis `except` aside. */
function areAlike(tensors: readonly Info[], except: number): boolean {
  const { shape, dtype } = tensors[0]!;
  return tensors.every(
    (tensor) =>
      hasWords(tensor) &&
      tensor.dtype === dtype &&
      tensor.shape.length === shape.length &&
      tensor.shape.every((length, axis) => axis === except || length === shape[axis]),
  );
}

const concat: PartialKernel<'Concat'> = (backend, parts, attrs) => {
  const { shape } = parts[0]!;
  const axis = axisOf(attrs.axis, shape.length);
  if (axis === null || !areAlike(parts, axis)) return null;
  const outShape = shape.with(
    axis,
    parts.reduce((sum, part) => sum + part.shape[axis]!, 0),
  );
  const whole = parts.find((part) => part.shape[axis] === outShape[axis]);
  if (whole !== undefined) return share(backend, whole, outShape);
  const inner = sizeBetween(shape, axis + 1, shape.length);
  const runs = parts.map((part) => part.shape[axis]! * inner);
  return joinRows(backend, parts, sizeBetween(shape, 0, axis), outShape, runs);
};

const pack: PartialKernel<'Pack'> = (backend, parts, attrs) => {
  const { shape } = parts[0]!;
  const axis = axisOf(attrs.axis, shape.length + 1);
  if (axis === null || !areAlike(parts, -1)) return null;
  const outShape = shape.toSpliced(axis, 0, parts.length);
  if (parts.length === 1) return share(backend, parts[0]!, outShape);
  const inner = sizeBetween(shape, axis, shape.length);
  return joinRows(backend, parts, sizeBetween(shape, 0, axis), outShape, new Array(parts.length).fill(inner));
};

const padV2: PartialKernel<'PadV2'> = (backend, { x }, { paddings, constantValue }) => {
  if (!hasWords(x)) return null;
  const shape = x.shape.map((length, axis) => paddings[axis]![0] + length + paddings[axis]![1]);
  const size = sizeOf(shape);
  let [offset, step, outStep] = [0, 1, 1];
  axes.clear();
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    offset += paddings[axis]![0] * outStep;
    axes.add(x.shape[axis]!, step, outStep);
    step *= x.shape[axis]!;
    outStep *= shape[axis]!;
  }
  if (step === size) return share(backend, x, shape);
  if (!axes.fit) return null;
  const out = makeLike(backend, x, shape);
  backend.exports.fill(backend.address(out), size, bitsOf(constantValue, x.dtype));
  copyAlong(backend, axes, backend.address(x), plus(backend.address(out), 4 * offset));
  return out;
};

const tile: PartialKernel<'Tile'> = (backend, { x }, { reps }) => {
  if (!hasWords(x) || reps.length !== x.shape.length) return null;
  const shape = x.shape.map((length, axis) => length * reps[axis]!);
  let [step, outStep] = [1, 1];
  axes.clear();
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    axes.add(x.shape[axis]!, step, outStep);
    axes.add(reps[axis]!, 0, outStep * x.shape[axis]!);
    step *= x.shape[axis]!;
    outStep *= shape[axis]!;
  }
  if (step === outStep) return share(backend, x, shape);
  if (!axes.fit) return null;
  const out = makeLike(backend, x, shape);
  copyAlong(backend, axes, backend.address(x), backend.address(out));
  return out;
};

/** Copies planes whose rows are columns in `x`, where `axes` leave no contiguous row. */
function copyPlanes(backend: EngineBackend, x: Info, out: Info): void {
  const { lengths, a, b } = axes;
  const row = a.indexOf(1);
  const [plane1, plane0] = [1, 2, 3].filter((axis) => axis !== row) as [number, number];
  backend.exports.transpose(
    backend.address(x),
    backend.address(out),
    lengths[row]!,
    lengths[0]!,
    a[0]!,
    b[row]!,
    lengths[plane0]!,
    lengths[plane1]!,
    a[plane0]!,
    a[plane1]!,
    b[plane0]!,
    b[plane1]!,
  );
}

const transpose: PartialKernel<'Transpose'> = (backend, { x }, { perm }) => {
  if (!hasWords(x)) return null;
  const shape = perm.map((axis) => x.shape[axis]!);
  let outStep = 1;
  axes.clear();
  for (let i = shape.length - 1; i >= 0; i--) {
    axes.add(shape[i]!, sizeBetween(x.shape, perm[i]! + 1, x.shape.length), outStep);
    outStep *= shape[i]!;
  }
  if (axes.count <= 1) return share(backend, x, shape);
  if (!axes.fit) return null;
  const out = makeLike(backend, x, shape);
  if (outStep === 0) return out;
  if (axes.a[0] === 1) copyAlong(backend, axes, backend.address(x), backend.address(out));
  else copyPlanes(backend, x, out);
  return out;
};

/** Registers them; other types, and more axes than the module walks, are left to the cpu kernels. */
export function registerMove(): void {
  registerPartialKernel('Slice', slice);
  registerPartialKernel('SplitV', splitV);
  registerPartialKernel('Unpack', unpack);
  registerPartialKernel('Concat', concat);
  registerPartialKernel('Pack', pack);
  registerPartialKernel('PadV2', padV2);
  registerPartialKernel('Tile', tile);
  registerPartialKernel('Transpose', transpose);
}
