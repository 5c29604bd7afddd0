import { tf } from '../tensor/tf.ts';
import { fusedOp } from './fused-op.ts';

/**
 * `silu(gate) * up`, the activation of every feed-forward here.
 *
 * Shapes: gate and up [N, F] -> [N, F].
 * Source: arXiv:2002.05202; transformers `DeepseekV3MLP` with `hidden_act: silu`.
 */
export function swiglu(gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D {
  return fusedOp('SwiGLU', { gate, up }, {}, ({ gate, up }) => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
}
