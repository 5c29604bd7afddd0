import { attentionVisibility } from '../ops/mla-attention.ts';
import type { RotaryTables } from '../ops/rotary.ts';
import { tf } from '../tensor/tf.ts';
import type { Attend } from './transformer-block.ts';

/**
 * Attention among the tokens of one pass, in the naive form: what the blocks of a training pass are given.
 *
 * Shapes: documentIds [B, T] or longer, of which the first T count; null lets every token look at all before it.
 * Ownership: a backend without a kernel for attention gets a mask, which belongs to the caller (or its tidy).
 */
export function attendWithin(rotary: RotaryTables, T: number, documentIds: tf.Tensor2D | null): Attend {
  const isLonger = documentIds !== null && documentIds.shape[1] > T;
  const own = isLonger ? tf.slice(documentIds, [0, 0], [documentIds.shape[0], T]) : documentIds;
  const context = { rotary, visibility: attentionVisibility(T, own) };
  return (attention, x) => attention.apply(x, context);
}
