// Sums, products, quotients, ... of two float32 tensors, with broadcasting.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { binaryOps } from '../operations.ts';
import { share } from './move-share.ts';
import { registerPartialKernel, sizeOf } from './register.ts';
import { StridedAxes } from './strided-axes.ts';

const addition = binaryOps.indexOf('Add');

const axes = new StridedAxes();

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function combineSame(backend: EngineBackend, op: number, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const out = backend.output(a.shape);
  backend.exports.binarySame(op, backend.address(a), backend.address(b), backend.address(out), sizeOf(a.shape));
  return out;
}

/** Lays out `axes` for operands of different shapes; gives the shape of the result, or null if there is none. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  let [stepA, stepB] = [1, 1];
  axes.clear();
  for (let i = 1; i <= rank; i++) {
    const lengthA = a[a.length - i] ?? 1;
    const lengthB = b[b.length - i] ?? 1;
    if (lengthA !== lengthB && lengthA !== 1 && lengthB !== 1) return null;
    const length = lengthA === 1 ? lengthB : lengthA;
    axes.add(length, lengthA === 1 ? 0 : stepA, lengthB === 1 ? 0 : stepB);
    stepA *= lengthA;
    stepB *= lengthB;
    shape[rank - i] = length;
  }
  return shape;
}

function combineBroadcast(
  backend: EngineBackend,
  op: number,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo | null {
  const shape = broadcast(a.shape, b.shape);
  if (shape === null || !axes.fit) return null;
  const out = backend.output(shape);
  axes.describe(backend);
  backend.exports.binary(op, backend.address(a), backend.address(b), backend.address(out));
  return out;
}

const isFloat = ({ dtype }: tf.TensorInfo) => dtype === 'float32';

/** The sum of any number of tensors of one shape, added one after the other. */
function addAll(backend: EngineBackend, tensors: readonly tf.TensorInfo[]): tf.TensorInfo {
  const first = tensors[0]!;
  if (tensors.length === 1) return share(backend, first, first.shape);
  const sum = combineSame(backend, addition, first, tensors[1]!);
  const [at, size] = [backend.address(sum), sizeOf(sum.shape)];
  for (let i = 2; i < tensors.length; i++) {
    backend.exports.binarySame(addition, at, backend.address(tensors[i]!), at, size);
  }
  return sum;
}

/**
 * Registers the operations, AddN, and Equal for whole numbers of one shape; other types are left to the cpu kernels.
 */
export function registerBinary(): void {
  for (const [op, name] of binaryOps.entries()) {
    registerPartialKernel(name, (backend, { a, b }) => {
      if (!isFloat(a) || !isFloat(b)) return null;
      return sameShape(a.shape, b.shape) ? combineSame(backend, op, a, b) : combineBroadcast(backend, op, a, b);
    });
  }
  registerPartialKernel('Equal', (backend, { a, b }) => {
    if (a.dtype !== 'int32' || b.dtype !== 'int32' || !sameShape(a.shape, b.shape)) return null;
    const out = backend.output(a.shape, 'bool');
    backend.exports.equalWords(backend.address(a), backend.address(b), backend.address(out), sizeOf(a.shape));
    return out;
  });
  registerPartialKernel('AddN', (backend, tensors) => (tensors.every(isFloat) ? addAll(backend, tensors) : null));
}
