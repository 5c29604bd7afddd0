// The distribution that a token is drawn from: what temperature and filters leave of the logits.
//
// It is built in place, so that no token costs an array as large as the vocabulary.

import { UserError } from '../../errors.ts';
import { exponential } from './exponential.ts';
import type { SamplingOptions } from './sampling.ts';
import { rankTokens } from './token-ranking.ts';

type Filters = Pick<SamplingOptions, 'temperature' | 'topK' | 'topP' | 'minP'>;

// A nucleus is usually small. It is looked for among this many of the best tokens first, then among four times as many,
// and so on.
const firstNucleus = 64;

/** Tokens that may be drawn, with weights whose sum is `total`; both arrays are used up to `count`. */
export class TokenDistribution {
  readonly ids: Int32Array;
  readonly weights: Float64Array;
  count = 0;
  total = 0;

  constructor(vocabSize: number) {
    this.ids = new Int32Array(vocabSize);
    this.weights = new Float64Array(vocabSize);
  }

  /**
   * Becomes the distribution of these logits at a temperature above 0; temperature, top-k, top-p, min-p in this order.
   *
   * @throws UserError when the logits are not numbers.
   */
  set(logits: Float32Array, { temperature, topK, topP, minP }: Filters): this {
    const limit = topK === 0 ? logits.length : Math.min(topK, logits.length);
    if (limit === logits.length && topP === 1) this.#takeAll(logits, temperature);
    else if (limit === logits.length) this.#findNucleus(logits, temperature, topP);
    else {
      this.#takeBest(logits, temperature, limit);
      if (topP < 1) this.#cut(topP * this.total);
    }
    if (minP > 0) this.#dropBelow(minP);
    if (!(this.total > 0 && this.total < Number.POSITIVE_INFINITY)) throw notNumbers();
    return this;
  }

  /** The token at quantile `u`, 0 <= u < 1. */
  draw(u: number): number {
    let left = u * this.total;
    for (let i = 0; i < this.count; i++) {
      left -= this.weights[i]!;
      if (left < 0) return this.ids[i]!;
    }
    // Rounding can leave a remainder; the last token with a positive weight gets it.
    let last = this.count - 1;
    while (last > 0 && this.weights[last] === 0) last--;
    return this.ids[last]!;
  }

  /** The probability of a token. */
  probability(id: number): number {
    const at = this.ids.indexOf(id);
    return at === -1 || at >= this.count ? 0 : this.weights[at]! / this.total;
  }

  #takeAll(logits: Float32Array, temperature: number): void {
    const largest = largestOf(logits);
    this.count = logits.length;
    this.total = 0;
    for (let id = 0; id < logits.length; id++) {
      const weight = exponential((logits[id]! - largest) / temperature);
      this.ids[id] = id;
      this.weights[id] = weight;
      this.total += weight;
    }
  }

  #takeBest(logits: Float32Array, temperature: number, count: number): void {
    rankTokens(logits, count, this.ids);
    const largest = logits[this.ids[0]!]!;
    this.count = count;
    this.total = 0;
    for (let i = 0; i < count; i++) {
      const weight = exponential((logits[this.ids[i]!]! - largest) / temperature);
      this.weights[i] = weight;
      this.total += weight;
    }
  }

  #findNucleus(logits: Float32Array, temperature: number, topP: number): void {
    const goal = topP * sumOfWeights(logits, temperature);
    for (let count = Math.min(firstNucleus, logits.length); ; count = Math.min(4 * count, logits.length)) {
      this.#takeBest(logits, temperature, count);
      if (this.total >= goal || count === logits.length) break;
    }
    this.#cut(goal);
  }

  /** Keeps the fewest of the ranked tokens whose weights reach `goal`. */
  #cut(goal: number): void {
    let [count, total] = [0, 0];
    while (count < this.count && total < goal) total += this.weights[count++]!;
    this.count = count;
    this.total = total;
  }

  /** Keeps tokens whose weight is at least `minP`: the best has weight 1. */
  #dropBelow(minP: number): void {
    let [count, total] = [0, 0];
    for (let i = 0; i < this.count; i++) {
      if (this.weights[i]! < minP) continue;
      this.ids[count] = this.ids[i]!;
      this.weights[count++] = this.weights[i]!;
      total += this.weights[i]!;
    }
    this.count = count;
    this.total = total;
  }
}

function largestOf(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > largest) largest = logits[id]!;
  return largest;
}

function sumOfWeights(logits: Float32Array, temperature: number): number {
  const largest = largestOf(logits);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += exponential((logits[id]! - largest) / temperature);
  return sum;
}

/** The error for logits from which no token can be chosen. */
export function notNumbers(): UserError {
  return new UserError(
    'generate: the model gives logits that are not numbers; use a checkpoint from before it diverged',
  );
}
