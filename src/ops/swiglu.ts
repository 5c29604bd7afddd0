import { tf } from '../tensor/tf.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const swigluOp = defineOp({
  name: 'SwiGLU',
  inputs: { gate: 'N F', up: 'N F' },
  outputs: { y: 'N F' },
});

/**
 * `silu(gate) * up`, the activation of every feed-forward here.
 *
 * Shapes: gate and up [N, F] -> [N, F].
 * Source: arXiv:2002.05202; transformers `DeepseekV3MLP` with `hidden_act: silu`.
 */
export function swiglu(gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D {
  return fusedOp(swigluOp, { gate, up }, {}, ({ gate, up }) => ({ y: tf.mul(tf.mul(gate, tf.sigmoid(gate)), up) })).y;
}
