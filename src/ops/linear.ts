import { tf } from '../tensor/tf.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const linearOp = defineOp({
  name: 'Linear',
  inputs: { x: 'N I', weight: 'O I' },
  outputs: { y: 'N O' },
  weights: ['weight'],
  kept: { x: 'N I', dy: 'N O' },
});

/** `x` times the transpose of `weight`. Shapes: x [N, in], weight [out, in] -> [N, out]. */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor2D {
  return fusedOp(linearOp, { x, weight }, {}, ({ x, weight }) => ({ y: tf.matMul(x, weight, false, true) })).y;
}
