import { tf } from '../tensor/tf.ts';
import { fusedOp } from './fused-op.ts';

/** `x` times the transpose of `weight`. Shapes: x [N, in], weight [out, in] -> [N, out]. */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor2D {
  const inputs = { x, weight };
  const reference = ({ x, weight }: typeof inputs): tf.Tensor2D => tf.matMul(x, weight, false, true);
  return fusedOp('Linear', inputs, {}, reference, [], ['weight']);
}
