import { rankTokens } from '../sampling/token-ranking.ts';
import type { TokenLogprob } from './generator.ts';

/** The log probabilities of a token and of the most likely tokens. */
export interface TokenLogprobs {
  readonly logprob: number;
  /** Best first. */
  readonly topLogprobs: readonly TokenLogprob[];
}

/** Natural logarithms of the probabilities under the model: of `id`, and of the `count` most likely tokens. */
export function tokenLogprobs(logits: Float32Array, id: number, count: number): TokenLogprobs {
  const ids = new Int32Array(Math.max(1, Math.min(count, logits.length)));
  rankTokens(logits, ids.length, ids);
  const logSum = logSumOfExponentials(logits, logits[ids[0]!]!);
  const logprobOf = (token: number) => logits[token]! - logSum;
  const top = Array.from(ids.subarray(0, count), (token) => ({ id: token, logprob: logprobOf(token) }));
  return { logprob: logprobOf(id), topLogprobs: top };
}

function logSumOfExponentials(logits: Float32Array, largest: number): number {
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id]! - largest);
  return largest + Math.log(sum);
}
