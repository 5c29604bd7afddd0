// The log probabilities of tokens by the full forward pass, which has a gradient; the decoder's have none.
// Shape legend: B rows, T positions, D hiddenSize, E experts, K experts per token.

import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { labelsAtDepth } from '../../mtp/alignment.ts';
import { linearCrossEntropy } from '../../ops/linear-cross-entropy.ts';
import { tf } from '../../tensor/tf.ts';
import { labelLoss, type LossTerms } from '../../train/loss.ts';

/** Rows of answers after their prompts, padded at the end. */
export interface AnswerRows {
  readonly ids: tf.Tensor2D; // [B, T+1] int32
  /** 1 for tokens of an answer, 0 for prompts and padding. */
  readonly isAnswer: tf.Tensor2D; // [B, T+1] float32
  /** 1 for tokens that the model reads, which are all but the last of prompt and answer; 0 for padding. */
  readonly isRead: tf.Tensor2D; // [B, T+1] float32
}

export interface TokenLogps {
  /** Of each token but the first of a row, on the tape. */
  readonly logps: tf.Tensor2D; // [B, T]
  /** Mean loss of each MTP depth over the tokens of answers; none where the modules were not asked for. */
  readonly mtp: readonly tf.Scalar[];
  /** Selections per expert, those of padding left out. */
  readonly counts: LossTerms['counts'];
}

/**
 * Runs rows through the model. With a temperature, the log probabilities are those of the distribution that the
 * sampler draws from: logits divided by it.
 *
 * Ownership: results belong to the caller (or its tidy).
 */
export function tokenLogps(
  model: DeepseekV3ForCausalLM,
  { ids, isAnswer, isRead }: AnswerRows,
  temperature: number,
  withMtp: boolean,
): TokenLogps {
  const [B, length] = ids.shape;
  const T = length - 1;
  const flat = (x: tf.Tensor): tf.Tensor1D => tf.reshape(x, [x.size]);
  const inputs: tf.Tensor2D = tf.slice(ids, [0, 0], [B, T]);
  const { hidden, mtpHidden, routing } = model.forward(inputs, { mtp: withMtp });
  const scaled = temperature === 1 ? hidden : tf.div(hidden, temperature);
  const states: tf.Tensor2D = tf.reshape(scaled, [B * T, model.config.hiddenSize]);
  const losses = linearCrossEntropy(states, model.lmHead, flat(labelsAtDepth(ids, 0)));
  const mtp = mtpHidden.map((state, i) => {
    const of = (x: tf.Tensor2D) => flat(labelsAtDepth(x, i + 1));
    return labelLoss(state, model.lmHead, { ids: of(ids), counted: null, weights: of(isAnswer) });
  });
  const { numHiddenLayers, nRoutedExperts: E } = model.config;
  const counts = routing.map(({ layer, topkIndices }) => {
    // An MTP module of depth k reads position i together with token i + k.
    const depth = Math.max(0, layer - numHiddenLayers + 1);
    const read = tf.reshape(tf.slice(isRead, [0, depth], [B, T - depth]), [1, B * (T - depth)]);
    const selected = tf.sum(tf.oneHot(topkIndices, E, 1, 0, 'float32'), 1); // [B*L, E]
    return { layer, counts: tf.reshape<tf.Rank.R1>(tf.matMul(read, selected as tf.Tensor2D), [E]) };
  });
  return { logps: tf.reshape(tf.neg(losses), [B, T]), mtp, counts };
}
