// Attention of new tokens over the latents of earlier ones.
// Shape legend: N new tokens of all sequences, T of one, L cached tokens of one (new ones included), C kvLoraRank,
// R qkRopeHeadDim, H heads, W = P+R query width of a head.

import { attentionVisibility, maskedScore } from '../ops/mla-attention.ts';
import type { RotaryTables } from '../ops/rotary.ts';
import { tf } from '../tensor/tf.ts';
import { attendToLatents } from './absorbed.ts';
import type { MultiHeadLatentAttention } from './attention.ts';

/** New tokens of one sequence: rows `start` to `start + count - 1` of the pass. */
export interface SequenceRows {
  readonly start: number;
  readonly count: number;
}

/**
 * Attention of the tokens of several sequences, each over its own cache. The first tokens of a sequence take the naive
 * form, all others the absorbed form.
 *
 * `append` gets the latents [T, C+R] of a sequence's new tokens and returns those of all its tokens [L, C+R], the new
 * ones last. What it is given belongs to the pass.
 *
 * Shapes: x [1, N, D], `rotary` has one row for each of the N tokens -> [1, N, D].
 */
export function cachedAttention(
  attention: MultiHeadLatentAttention,
  x: tf.Tensor3D,
  rotary: RotaryTables,
  sequences: readonly SequenceRows[],
  append: (sequence: number, latents: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor3D {
  const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, kvLoraRank: C } = attention.config;
  const [, N, D] = x.shape;
  return tf.tidy(() => {
    const q = attention.queries(x, rotary);
    const { cKv, kRope } = attention.latent(x, rotary);
    const latents = tf.reshape<tf.Rank.R2>(tf.concat([cKv, kRope], 2), [N, C + R]);
    const heads = sequences.map(({ start, count: T }, i) => {
      const cached = append(i, tf.slice(latents, [start, 0], [T, C + R]));
      const L = cached.shape[0];
      const latent = {
        cKv: tf.reshape<tf.Rank.R3>(tf.slice(cached, [0, 0], [L, C]), [1, L, C]),
        kRope: tf.reshape<tf.Rank.R3>(tf.slice(cached, [0, C], [L, R]), [1, L, R]),
      };
      const own: tf.Tensor4D = tf.slice(q, [0, start, 0, 0], [1, T, H, P + R]);
      if (T === 1) return attendToLatents(attention, own, latent, null);
      // The naive form is faster for a long prompt: at 512 tokens of preset peer-a the wasm backend takes 1.3 times as
      // long without it. After cached tokens it would have to make the keys and values of those again.
      if (T === L) return attention.naiveHeads(own, latent, attentionVisibility(T, null));
      return attendToLatents(attention, own, latent, offsetMask(T, L));
    });
    return tf.reshape(attention.oProj.apply(tf.concat(heads, 0)), [1, N, D]);
  });
}

/** Query i of T is token L - T + i, and sees the tokens up to itself. Shape: [1, 1, T, L]. */
function offsetMask(T: number, L: number): tf.Tensor4D {
  const future = Float32Array.from({ length: T * L }, (_, i) => {
    return i % L > L - T + Math.floor(i / L) ? maskedScore : 0;
  });
  return tf.tensor4d(future, [1, 1, T, L]);
}
