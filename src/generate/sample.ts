// Text from a model, by running the whole sequence again for each token: for short samples while training.

import type { Tokenizer } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { createRandom } from '../tensor/random.ts';
import { tf } from '../tensor/tf.ts';

export interface SampleOptions {
  readonly prompt: string;
  readonly maxNewTokens: number;
  /** 0 takes the most likely token every time. */
  readonly temperature: number;
  /** Choose among this many of the most likely tokens. */
  readonly topK: number;
  readonly seed: number;
}

/**
 * Continues a prompt; stops early at an end-of-sequence token. Returns the continuation without the prompt.
 *
 * The prompt is read after a begin-of-document token. When the text outgrows `maxPositionEmbeddings`, its start is
 * forgotten.
 */
export async function sampleText(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  { prompt, maxNewTokens, temperature, topK, seed }: SampleOptions,
): Promise<string> {
  const random = createRandom(seed);
  const ids = [tokenizer.eosTokenId, ...tokenizer.encode(prompt)];
  const start = ids.length;
  while (ids.length < start + maxNewTokens) {
    const next = chooseToken(await lastLogits(model, ids), temperature, topK, random());
    if (next === tokenizer.eosTokenId) break;
    ids.push(next);
  }
  return tokenizer.decode(ids.slice(start));
}

/** Logits of the token after `ids` [V]. */
async function lastLogits(model: DeepseekV3ForCausalLM, ids: readonly number[]): Promise<Float32Array> {
  const context = ids.slice(-model.config.maxPositionEmbeddings);
  const logits = tf.tidy(() => {
    const { hidden } = model.forward(tf.tensor2d([context], undefined, 'int32'));
    const D = model.config.hiddenSize;
    const last: tf.Tensor2D = tf.reshape(tf.slice(hidden, [0, context.length - 1, 0], [1, 1, D]), [1, D]);
    return tf.matMul(last, model.lmHead, false, true);
  });
  const values = await logits.data<'float32'>();
  logits.dispose();
  return values;
}

/** The token at quantile `u` of the tempered distribution over the `topK` most likely ones. */
export function chooseToken(logits: Float32Array, temperature: number, topK: number, u: number): number {
  const ranked = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const best = ranked[0]!;
  if (temperature === 0) return best;
  const candidates = ranked.slice(0, topK);
  const weights = candidates.map((id) => Math.exp((logits[id]! - logits[best]!) / temperature));
  let left = u * weights.reduce((a, b) => a + b, 0);
  for (const [i, id] of candidates.entries()) {
    left -= weights[i]!;
    if (left < 0) return id;
  }
  return best;
}
