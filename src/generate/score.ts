import { UserError } from '../errors.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { linearCrossEntropy } from '../ops/linear-cross-entropy.ts';
import { tf } from '../tensor/tf.ts';

/**
 * Natural logarithm of the probability of each token, given those before it; null for the first token.
 *
 * @throws UserError for an id outside the vocabulary or a text longer than `maxPositionEmbeddings`.
 */
export async function scoreTokens(model: DeepseekV3ForCausalLM, ids: readonly number[]): Promise<(number | null)[]> {
  const { vocabSize: V, maxPositionEmbeddings, hiddenSize: D } = model.config;
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= V);
  if (wrong !== undefined) throw new UserError(`score: token id ${wrong} is outside the vocabulary; use 0 to ${V - 1}`);
  if (ids.length === 0) throw new UserError('score: no tokens; give at least one');
  const T = ids.length - 1;
  if (T === 0) return [null];
  if (T > maxPositionEmbeddings) {
    throw new UserError(
      `score: ${ids.length} tokens, but the model reads at most ${maxPositionEmbeddings}; shorten the text`,
    );
  }
  const losses = tf.tidy(() => {
    const { hidden } = model.forward(tf.tensor2d([ids.slice(0, -1)], undefined, 'int32'));
    return linearCrossEntropy(tf.reshape(hidden, [T, D]), model.lmHead, tf.tensor1d(ids.slice(1), 'int32'));
  });
  const values = await losses.data();
  losses.dispose();
  return [null, ...Array.from(values, (loss) => -loss)];
}
