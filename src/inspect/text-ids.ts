// The tokens of a text that is to be looked at, checked.

import { UserError } from '../errors.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { tf } from '../tensor/tf.ts';

/**
 * One row of token ids as a tensor [1, T].
 *
 * @throws {UserError} when there are none, more than the model reads, or one that its vocabulary lacks
 */
export function textIds(
  ids: readonly number[],
  { vocabSize, maxPositionEmbeddings }: Pick<ModelConfig, 'vocabSize' | 'maxPositionEmbeddings'>,
): tf.Tensor2D {
  if (ids.length === 0) throw new UserError('inspect: no tokens; give a text with at least one');
  if (ids.length > maxPositionEmbeddings) {
    throw new UserError(
      `inspect: ${ids.length} tokens, but the model reads at most ${maxPositionEmbeddings}; shorten the text`,
    );
  }
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong !== undefined) {
    throw new UserError(`inspect: token id ${wrong} is outside the vocabulary; use 0 to ${vocabSize - 1}`);
  }
  return tf.tensor2d([[...ids]], [1, ids.length], 'int32');
}
