// Sum, Mean and Max over neighbouring axes of float32 tensors, and Softmax over the last.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { reduceOps } from '../operations.ts';
import { share } from './move-share.ts';
import { registerPartialKernel, sizeOf } from './register.ts';

/** Axes as TF.js's ops give them: its types leave out that all of them may be meant. */
type AxesAttribute = number | readonly number[] | null | undefined;

/** Axes as bits, axis 0 lowest; null if one of them is not there. */
function axisBits(axis: AxesAttribute, rank: number): number | null {
  if (axis === null || axis === undefined) return (1 << rank) - 1;
  if (typeof axis === 'number') return axis >= -rank && axis < rank ? 1 << (axis < 0 ? axis + rank : axis) : null;
  let bits = 0;
  for (const one of axis) {
    if (!(one >= -rank && one < rank)) return null;
    bits |= 1 << (one < 0 ? one + rank : one);
  }
  return bits;
}

/** A tensor seen as [outer, length, inner], to be reduced to [outer, inner]; filled by `lieTogether`. */
const span = { outer: 1, length: 1, inner: 1 };

/** Whether the axes in `bits` are neighbours, axes of length 1 aside; fills `span`. */
function lieTogether(shape: readonly number[], bits: number): boolean {
  span.outer = 1;
  span.length = 1;
  span.inner = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis]!;
    if (((bits >> axis) & 1) === 0) {
      if (span.length === 1) span.outer *= length;
      else span.inner *= length;
    } else if (length !== 1) {
      if (span.inner !== 1) return false;
      span.length *= length;
    }
  }
  return true;
}

function reducedShape(shape: readonly number[], bits: number, keepDims: boolean): number[] {
  const out: number[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    if (((bits >> axis) & 1) === 0) out.push(shape[axis]!);
    else if (keepDims) out.push(1);
  }
  return out;
}

/** Null for what the module does not do. */
function reduce(
  backend: EngineBackend,
  op: (typeof reduceOps)[number],
  x: tf.TensorInfo,
  axis: AxesAttribute,
  keepDims: boolean,
  mean: boolean,
): tf.TensorInfo | null {
  const bits = axisBits(axis, x.shape.length);
  if (x.dtype !== 'float32' || bits === null || !lieTogether(x.shape, bits) || span.length === 0) return null;
  const shape = reducedShape(x.shape, bits, keepDims);
  const { outer, length, inner } = span;
  if (length === 1) return share(backend, x, shape);
  const out = backend.output(shape);
  if (outer * inner === 0) return out;
  backend.exports.reduce(
    reduceOps.indexOf(op),
    backend.address(x),
    backend.address(out),
    outer,
    length,
    inner,
    mean ? length : 1,
  );
  return out;
}

/** Registers them; other types and axes are left to the cpu kernels. */
export function registerReduce(): void {
  registerPartialKernel('Sum', (backend, { x }, { axis, keepDims }) =>
    reduce(backend, 'Sum', x, axis, keepDims, false),
  );
  registerPartialKernel('Mean', (backend, { x }, { axis, keepDims }) =>
    reduce(backend, 'Sum', x, axis, keepDims, true),
  );
  registerPartialKernel('Max', (backend, { x }, { reductionIndices, keepDims }) =>
    reduce(backend, 'Max', x, reductionIndices, keepDims, false),
  );
  registerPartialKernel('Softmax', (backend, { logits }, { dim }) => {
    const last = logits.shape.length - 1;
    if (logits.dtype !== 'float32' || (dim !== last && dim !== -1) || last < 0) return null;
    const out = backend.output(logits.shape);
    const width = logits.shape[last]!;
    if (width === 0) return out;
    backend.exports.softmax(backend.address(logits), backend.address(out), sizeOf(logits.shape) / width, width);
    return out;
  });
}
