// Tokens drawn from many rows of logits, in JavaScript; the engine has a kernel with the same bits
// (src/engine/assembly/decode/draw.ts).

import type { DrawnTokens, Draws } from '../passes/passes.ts';
import { TokenDistribution } from './token-distribution.ts';
import { mostLikely } from './token-ranking.ts';

/**
 * Draws a token from each row of `logits` [rows, V] that `draws` names. Temperature 0 takes the most likely token; its
 * probability is that of the model itself.
 *
 * @throws {UserError} when logits are not numbers.
 */
export function drawTokens(
  logits: Float32Array,
  vocabSize: number,
  { rows, quantiles }: Draws,
  temperature: number,
): DrawnTokens {
  const distribution = new TokenDistribution(vocabSize);
  const unfiltered = { temperature: temperature === 0 ? 1 : temperature, topK: 0, topP: 1, minP: 0 };
  const ids = new Int32Array(rows.length);
  const probabilities = new Float64Array(rows.length);
  for (const [i, row] of rows.entries()) {
    const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
    distribution.set(own, unfiltered);
    const id = temperature === 0 ? mostLikely(own) : distribution.draw(quantiles[i]!);
    ids[i] = id;
    // All tokens are in the distribution in the order of their ids, because nothing is filtered.
    probabilities[i] = distribution.weights[id]! / distribution.total;
  }
  return { ids, probabilities };
}
