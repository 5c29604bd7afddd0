// Products of 8-bit operands: a linear layer, and rows that the host has sorted by expert. What is kept of the rounded
// operands are their values in float32.
// Shape legend: N or M rows, E experts, I and O input and output width.

import { fp8LinearOp } from '../../ops/fp8-linear.ts';
import { quantizedMatMulOp } from '../../ops/quantized-matmul.ts';
import { type Fp8Recipe, transposed } from '../../precision/recipe.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import { groupedProduct, groupedRowGradient, groupedWeightGradient, withStarts } from './grouped-matmul.ts';
import { linearInputGradient, linearProduct, linearWeightGradient } from './linear.ts';
import { quantize, quantizeMatrices } from './quantize.ts';
import { registerGpuOp } from './register.ts';

/** Calls `use` with new tensors of these sizes, which are gone afterwards. */
export function withTensors<T>(
  backend: WebGpuBackend,
  sizes: readonly number[],
  use: (...tensors: tf.TensorInfo[]) => T,
): T {
  const tensors = sizes.map((size) => backend.output([size]));
  const result = use(...tensors);
  for (const { dataId } of tensors) backend.disposeData(dataId);
  return result;
}

/** x as the recipe keeps it: `x8`, which is freed if it is not that. */
function keptInput(
  backend: WebGpuBackend,
  { x, x8 }: { readonly x: Tensor; readonly x8: tf.TensorInfo },
  { cached }: Pick<Fp8Recipe, 'cached'>,
  { M, C }: { readonly M: number; readonly C: number },
): tf.TensorInfo {
  if (cached === undefined) return x8;
  const kept = backend.output(x8.shape, x8.dtype as 'float32' | 'int32');
  if (cached === 'given') backend.copy(backend.placeOf(x), backend.placeOf(kept));
  else quantize(backend, cached, { x, y: kept }, { M, C, rows: M });
  backend.disposeData(x8.dataId);
  return kept;
}

/** Registers both with their gradients. */
export function registerFp8Linear(): void {
  registerGpuOp(fp8LinearOp, {
    forward: (backend, { x, weight }, { attrs, sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      const weight8 = backend.output([O * I]);
      const x8 = backend.output([N * I], 'int32');
      quantize(backend, attrs.activations, { x, y: x8 }, { M: N, C: I, rows: N });
      quantize(backend, attrs.weights, { x: weight, y: weight8 }, { M: O, C: I, rows: O });
      linearProduct(backend, { x: x8, weight: weight8, y }, { N, I, O });
      backend.disposeData(weight8.dataId);
      return { y, codedX: keptInput(backend, { x, x8 }, attrs, { M: N, C: I }) };
    },
    gradient: (backend, { weight }, { attrs, sizes: { N, I, O }, dys: { y: dy }, saved: { codedX } }) => {
      const { activations, weights, gradients } = attrs;
      const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
      withTensors(backend, [O * I, N * O, N * O, N * I], (...made) => {
        const [weight8, dy8, dyAlongTokens, xAlongTokens] = made as [Made, Made, Made, Made];
        quantize(backend, weights, { x: weight, y: weight8 }, { M: O, C: I, rows: O });
        quantize(backend, gradients, { x: dy, y: dy8 }, { M: N, C: O, rows: N });
        linearInputGradient(backend, { weight: weight8, dy: dy8, dx }, { N, I, O });
        quantize(backend, transposed(gradients), { x: dy, y: dyAlongTokens }, { M: N, C: O, rows: N });
        quantize(backend, transposed(activations), { x: codedX, y: xAlongTokens }, { M: N, C: I, rows: N });
        linearWeightGradient(backend, { x: xAlongTokens, dy: dyAlongTokens, dWeight }, { N, I, O });
      });
      return { x: dx, weight: dWeight };
    },
  });
  registerGpuOp(quantizedMatMulOp, {
    forward: (backend, { x, weight }, { attrs, sizes }) => {
      const { counts, activations, weights } = attrs;
      const { M, E, O, I } = sizes;
      const [x8, weight8] = [backend.output([M, I]), backend.output([E, O, I])];
      quantize(backend, activations, { x, y: x8 }, { M, C: I, rows: M });
      quantize(backend, weights, { x: weight, y: weight8 }, { M: E * O, C: I, rows: O });
      const y = withStarts(backend, counts, M, (starts) =>
        groupedProduct(backend, { x: x8, weight: weight8, starts }, sizes),
      );
      return { y, x8: keptInput(backend, { x, x8 }, attrs, { M, C: I }), weight8 };
    },
    gradient: (backend, _, { attrs: { counts, activations, gradients }, sizes, dys: { y: dy }, saved }) => {
      const { M, O, I } = sizes;
      return withTensors(backend, [M * O, M * O, M * I], (...made) => {
        const [dy8, dyAlongTokens, xAlongTokens] = made as [Made, Made, Made];
        quantizeMatrices(backend, gradients, { x: dy, y: dy8 }, { counts: [M], C: O });
        quantizeMatrices(backend, transposed(gradients), { x: dy, y: dyAlongTokens }, { counts, C: O });
        quantizeMatrices(backend, transposed(activations), { x: saved.x8, y: xAlongTokens }, { counts, C: I });
        return withStarts(backend, counts, M, (starts) => ({
          x: groupedRowGradient(backend, { dy: dy8, weight: saved.weight8, starts }, sizes),
          weight: groupedWeightGradient(backend, { dy: dyAlongTokens, x: xAlongTokens, starts }, sizes),
        }));
      });
    },
  });
}

type Made = tf.TensorInfo;
type Tensor = Pick<tf.TensorInfo, 'dataId'>;
