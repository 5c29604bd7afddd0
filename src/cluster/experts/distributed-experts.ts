// The routed experts of a layer, divided among ranks: dispatch, the experts that are here, combine.
// Shape legend: N tokens of this rank, K experts per token, M pairs of a token and an expert of this rank, D
// hiddenSize.

import type { Products } from '../../ops/products.ts';
import { customOp } from '../../tensor/custom-op.ts';
import { noGrad } from '../../tensor/no-grad.ts';
import { tf } from '../../tensor/tf.ts';
import { bfloat16Rows, float32Rows, float8Rows, type RowFormat } from './row-format.ts';
import {
  fromExperts,
  gatesFromExperts,
  gatesToExperts,
  planTravel,
  type Roads,
  type Travel,
  toExperts,
} from './travel.ts';

/** How rows are written on the way to the experts, and on the way back. */
export interface TravelFormats {
  readonly dispatch: RowFormat;
  readonly combine: RowFormat;
}

export const exactFormats: TravelFormats = { dispatch: float32Rows, combine: float32Rows };
/** As in the report, forward and backward: to the experts in FP8, from them in BF16. */
export const reportFormats: TravelFormats = { dispatch: float8Rows, combine: bfloat16Rows };

/**
 * `experts` of `products` over ranks: every rank calls it at the same time, with tokens of its own and with the weights
 * of the experts that it holds. The gradient travels the other way.
 *
 * Source: arXiv:2412.19437 section 3.2.2.
 */
export function distributedExperts(
  { experts }: Pick<Products, 'experts'>,
  roads: Roads,
  formats: TravelFormats,
): Products['experts'] {
  return (x, { topkIndices, topkWeights }, gateUpProj, downProj) => {
    const K = topkIndices.shape[1];
    const travel = planTravel(
      roads,
      noGrad(() => topkIndices.dataSync<'int32'>()),
      K,
    );
    const [rows, gates] = dispatch(travel, formats, x, topkWeights);
    const M = travel.rowOf.length;
    // A rank that no token chose computes with one row of zeros, since tensors without rows are not for every kernel.
    const indices = tf.tensor2d(M === 0 ? new Int32Array(1) : travel.expertOf, [Math.max(1, M), 1], 'int32');
    return combine(
      travel,
      formats,
      experts(rows!, { topkIndices: indices, topkWeights: gates! }, gateUpProj, downProj),
      x.shape[0],
    );
  };
}

/** Tokens [N, D] and gates [N, K] -> rows [M, D] and gates [M, 1] of the pairs here. */
function dispatch(travel: Travel, { dispatch, combine }: TravelFormats, x: tf.Tensor2D, topkWeights: tf.Tensor2D) {
  const [N, D] = x.shape;
  const K = travel.K;
  const M = travel.rowOf.length;
  return customOp({
    inputs: { x, topkWeights },
    forward: () => [
      padded(toExperts(travel, x.dataSync<'float32'>(), D, dispatch), D),
      padded(gatesToExperts(travel, topkWeights.dataSync<'float32'>()), 1),
    ],
    backward: ([dRows, dGates]) => ({
      x: tf.tensor2d(fromExperts(travel, valuesOf(dRows!, M * D), D, combine), [N, D]),
      topkWeights: tf.tensor2d(gatesFromExperts(travel, valuesOf(dGates!, M)), [N, K]),
    }),
  }) as tf.Tensor2D[];
}

/** What the experts here made [M, D] -> the sums for the tokens of this rank [N, D]. */
function combine(travel: Travel, { dispatch, combine }: TravelFormats, y: tf.Tensor2D, N: number): tf.Tensor2D {
  const D = y.shape[1];
  const M = travel.rowOf.length;
  const [out] = customOp({
    inputs: { y },
    forward: () => [tf.tensor2d(fromExperts(travel, valuesOf(y, M * D), D, combine), [N, D])],
    backward: ([dOut]) => ({ y: padded(toExperts(travel, dOut!.dataSync<'float32'>(), D, dispatch), D) }),
  });
  return out as tf.Tensor2D;
}

/** Rows as a tensor; one row of zeros where there are none. */
function padded(values: Float32Array, width: number): tf.Tensor2D {
  return values.length === 0 ? tf.zeros([1, width]) : tf.tensor2d(values, [values.length / width, width]);
}

/** The first `size` values: all but the padding. */
function valuesOf(tensor: tf.Tensor, size: number): Float32Array {
  return tensor.dataSync<'float32'>().subarray(0, size);
}
