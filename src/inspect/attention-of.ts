// Where a head of a model looks while it reads a text.
// Shape legend: T tokens, L positions (T - k at MTP depth k), H heads, P qkNopeHeadDim, V vHeadDim, C kvLoraRank.

import { UserError } from '../errors.ts';
import { softmaxScale } from '../layers/rotary-embedding.ts';
import { type AttentionContext, MultiHeadLatentAttention } from '../mla/attention.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { Attend } from '../model/transformer-block.ts';
import { attentionMask, mlaAttentionWeights } from '../ops/mla-attention.ts';
import { tf } from '../tensor/tf.ts';
import { textIds } from './text-ids.ts';

/** How much each position looks at each of those up to itself. */
export interface AttentionMap {
  /** L: all tokens in a layer of the main model, k fewer in the MTP module of depth k. */
  readonly positions: number;
  /** [L, L], a row for each position that looks; a row sums to 1, and is 0 after its position. */
  readonly weights: Float32Array;
}

/**
 * The attention weights of one head over one row of tokens, from the model's own queries and keys. `layer` counts the
 * main layers from 0 and then the MTP modules.
 *
 * @throws {UserError} for a layer or a head that the model lacks, for another kind of attention than the latent one,
 * and for tokens as `routingOf` does
 * Source: arXiv:2412.19437 eq. 10.
 */
export async function attentionOf(
  model: DeepseekV3ForCausalLM,
  ids: readonly number[],
  layer: number,
  head: number,
): Promise<AttentionMap> {
  const { numHiddenLayers, numNextnPredictLayers, numAttentionHeads: H } = model.config;
  const depth = Math.max(0, layer - numHiddenLayers + 1);
  refuseOutside('layer', layer, numHiddenLayers + numNextnPredictLayers);
  refuseOutside('head', head, H);
  const L = ids.length - depth;
  if (ids.length > 0 && L < 1) {
    throw new UserError(
      `inspect: layer ${layer} predicts ${depth + 1} tokens ahead; give at least ${depth + 1} tokens`,
    );
  }
  const weights = tf.tidy(() => {
    const captured: tf.Tensor[] = [];
    // A block frees what it makes at its end, so what is to outlive it has to be kept.
    const watch = watchLayer(model, layer, (all) => {
      captured.push(tf.keep(tf.slice(all, [0, head, 0, 0], [1, 1, L, L])));
    });
    runUpTo(model, textIds(ids, model.config), depth, watch);
    return captured[0]!;
  });
  const values = (await weights.data<'float32'>()).slice();
  weights.dispose();
  return { positions: L, weights: values };
}

function refuseOutside(what: 'layer' | 'head', index: number, count: number): void {
  if (Number.isInteger(index) && index >= 0 && index < count) return;
  throw new UserError(`inspect: the model has no ${what} ${index}; use 0 to ${count - 1}`);
}

/** The blocks of the main model and, for a depth above 0, the MTP modules down to it. */
function runUpTo(model: DeepseekV3ForCausalLM, ids: tf.Tensor2D, depth: number, watch: (T: number) => Attend): void {
  const { embedding, blocks, head, mtp } = model.stages;
  const embedded = embedding.apply(ids);
  const attend = watch(embedded.shape[1]);
  const last = blocks.reduce((x, block) => block.apply(x, attend).hidden, embedded);
  let { start } = head.apply(last);
  for (const stage of mtp.slice(0, depth)) {
    ({ start } = stage.predict(start, embedded, watch(embedded.shape[1] - stage.depth)));
  }
}

/** Attention as in training, which tells `found` the weights [1, H, L, L] of one layer. */
function watchLayer(
  model: DeepseekV3ForCausalLM,
  layer: number,
  found: (weights: tf.Tensor4D) => void,
): (T: number) => Attend {
  return (T) => {
    const attend = model.attendWithin(T, null);
    return (attention, x, index) => {
      if (index === layer) {
        if (!(attention instanceof MultiHeadLatentAttention)) {
          throw new UserError('inspect: only latent attention (MLA) can be looked at; this model has another kind');
        }
        found(attentionWeights(attention, x, model.rotary));
      }
      return attend(attention, x, index);
    };
  };
}

/** Shapes: x [B, T, D] -> [B, H, T, T]. */
function attentionWeights(
  attention: MultiHeadLatentAttention,
  x: tf.Tensor3D,
  rotary: AttentionContext['rotary'],
): tf.Tensor4D {
  const { numAttentionHeads: H, qkNopeHeadDim: P, vHeadDim: V, kvLoraRank: C } = attention.config;
  const [B, T] = x.shape;
  const { cKv, kRope } = attention.latent(x, rotary);
  const kv = tf.reshape<tf.Rank.R4>(attention.kvBProj.apply(tf.reshape(cKv, [B * T, C])), [B, T, H, P + V]);
  const kNope: tf.Tensor4D = tf.slice(tf.transpose(kv, [0, 2, 1, 3]), [0, 0, 0, 0], [B, H, T, P]);
  const q: tf.Tensor4D = tf.transpose(attention.queries(x, rotary), [0, 2, 1, 3]);
  return mlaAttentionWeights(q, kNope, kRope, attentionMask(T, null), softmaxScale(attention.config));
}
