// Shape legend: B batch, T tokens, H heads, W channels of a head, R rotary channels of it (the last ones).

import { tf } from '../tensor/tf.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const applyRotaryOp = defineOp({
  name: 'ApplyRotary',
  /** L is how many positions the tables have. */
  inputs: { x: 'B T H W', cos: 'L R', sin: 'L R', partner: 'R R' },
  constants: ['cos', 'sin', 'partner'],
  outputs: { y: 'B T H W' },
  unread: { x: 'y' },
});

/**
 * Per-position rotations, repeated for both channels of a pair: cos and sin [T, R], and where each channel's partner
 * is.
 */
export interface RotaryTables {
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
  /** [R, R]: `x * partner` swaps the channels of each pair and negates the first result, a rotation by 90 degrees. */
  readonly partner: tf.Tensor2D;
}

/**
 * Rotates the last R channels of each head by its position; the channels before them pass unchanged.
 *
 * Positions are 0 .. T-1. The tables may be longer than T.
 *
 * Shapes: x [B, T, H, W], tables of width R <= W -> [B, T, H, W]. Source: arXiv:2104.09864; deepseek-ai/DeepSeek-V3
 * inference/model.py, apply_rotary_emb. transformers first reorders the interleaved channels to halves; dot products of
 * queries and keys are the same.
 */
export function applyRotary(x: tf.Tensor4D, tables: RotaryTables): tf.Tensor4D {
  return fusedOp(applyRotaryOp, { x, ...tables }, {}, ({ x, cos, sin, partner }) => {
    const [B, T, H, W] = x.shape;
    const R = partner.shape[0];
    const table = (t: tf.Tensor2D) => tf.reshape(tf.slice(t, [0, 0], [T, R]), [1, T, 1, R]);
    const rope = tf.slice(x, [0, 0, 0, W - R], [B, T, H, R]);
    const turned = tf.reshape(tf.matMul(tf.reshape(rope, [-1, R]), partner), [B, T, H, R]);
    const rotated = tf.add(tf.mul(rope, table(cos)), tf.mul(turned, table(sin))) as tf.Tensor4D;
    return { y: W === R ? rotated : tf.concat([tf.slice(x, [0, 0, 0, 0], [B, T, H, W - R]), rotated], 3) };
  }).y;
}
