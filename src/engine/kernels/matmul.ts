// BatchMatMul and _FusedMatMul.

import { tf } from '../../tensor/tf.ts';
import { nowhere, plus } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { activations } from '../operations.ts';
import { registerPartialKernel, registerStandardKernel, sizeOf, withWorkspace } from './register.ts';

interface Product {
  readonly a: tf.TensorInfo;
  readonly b: tf.TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bias?: tf.TensorInfo | undefined;
  readonly activation?: (typeof activations)[number];
}

/** Shapes: a [..., m, k], b [..., k, n], last two axes swapped where transposed; batch axes broadcast. */
function multiply(backend: EngineBackend, product: Product): tf.TensorInfo {
  const { a, b, transposeA, transposeB, bias, activation = 'linear' } = product;
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const [m, k] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
  const [inner, n] = transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
  if (k !== inner)
    throw new Error(`matMul: inner dimensions ${k} and ${inner} of [${a.shape}] and [${b.shape}] differ`);
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const out = backend.output([...batchShape, m, n]);
  const batch = sizeOf(batchShape);
  if (batch * m * n === 0) return out;
  const run = (matrixA: number, matrixB: number, from: number, count: number, strideA: number, strideB: number) => {
    const { gemm, gemmWorkspace } = backend.exports;
    withWorkspace(backend, [gemmWorkspace(count, m, k, transposeA, strideA)], (packed) => {
      gemm(
        plus(backend.address(a), matrixA * m * k * 4),
        plus(backend.address(b), matrixB * k * n * 4),
        plus(backend.address(out), from * m * n * 4),
        count,
        m,
        n,
        k,
        transposeA,
        transposeB,
        strideA,
        strideB,
        false,
        bias === undefined ? nowhere : backend.address(bias),
        activations.indexOf(activation),
        packed,
      );
    });
  };
  if (isPlain(batchA, batch) && isPlain(batchB, batch)) {
    run(0, 0, 0, batch, sizeOf(batchA) === 1 ? 0 : m * k, sizeOf(batchB) === 1 ? 0 : k * n);
  } else {
    for (let i = 0; i < batch; i++) run(matrixOf(batchA, batchShape, i), matrixOf(batchB, batchShape, i), i, 1, 0, 0);
  }
  return out;
}

/** Whether a batch is one matrix for all products, or one for each. */
const isPlain = (shape: readonly number[], batch: number) => sizeOf(shape) === 1 || sizeOf(shape) === batch;

/** Which matrix of a batch of shape `shape` product `index` of the broadcast batch takes. */
function matrixOf(shape: readonly number[], broadcast: readonly number[], index: number): number {
  let [matrix, stride, rest] = [0, 1, index];
  for (let axis = 1; axis <= shape.length; axis++) {
    const size = shape.at(-axis)!;
    matrix += (rest % size) * stride;
    stride *= size;
    rest = Math.floor(rest / broadcast.at(-axis)!);
  }
  return matrix;
}

/**
 * Registers the matrix products. Activations and biases that only vision models have run on the cpu backend's kernel.
 */
export function registerMatMul(): void {
  registerStandardKernel('BatchMatMul', (backend, { a, b }, { transposeA, transposeB }) =>
    multiply(backend, { a, b, transposeA, transposeB }),
  );
  registerPartialKernel(
    '_FusedMatMul',
    (backend, { a, b, bias }, { transposeA, transposeB, activation: name = 'linear' }) => {
      const activation = activations.find((known) => known === name);
      const rowBias = bias === undefined || (bias.shape.length === 1 && bias.shape[0] !== 1);
      if (activation === undefined || !rowBias) return null;
      return multiply(backend, { a, b, transposeA, transposeB, bias, activation });
    },
  );
}
