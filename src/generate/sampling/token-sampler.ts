// The choices of tokens for one sequence, with and without drafts to check.

import { createRandom } from '../../data/random.ts';
import type { SamplingOptions } from './sampling.ts';
import { keepsDraft, replaceDraft } from './speculation.ts';
import { notNumbers, TokenDistribution } from './token-distribution.ts';
import { TokenHistory } from './token-history.ts';
import { mostLikely } from './token-ranking.ts';

/**
 * Chooses the tokens that follow a prompt, one position after the other.
 *
 * A random number depends only on the seed, the position and its purpose.
 */
export class TokenSampler {
  readonly #options: SamplingOptions;
  readonly #vocabSize: number;
  readonly #history: TokenHistory | null;
  readonly #target: TokenDistribution;
  /** The distribution that each draft was drawn from; empty at temperature 0, where the most likely token is taken. */
  readonly #sources: TokenDistribution[] = [];
  readonly #drafts: number[] = [];
  #excess: Float64Array | null = null;
  #position = 0;

  constructor(options: SamplingOptions, vocabSize: number, promptIds: readonly number[]) {
    this.#options = options;
    this.#vocabSize = vocabSize;
    this.#history = options.repetitionPenalty === 1 ? null : new TokenHistory(vocabSize, promptIds);
    this.#target = new TokenDistribution(options.temperature === 0 ? 0 : vocabSize);
  }

  /** The drafts that wait for `settle`. */
  get drafts(): readonly number[] {
    return this.#drafts;
  }

  /** Chooses the next token from its logits [V]. */
  choose(logits: Float32Array): number {
    const scores = this.#penalise(logits);
    const token = this.#isGreedy ? bestOf(scores) : this.#target.set(scores, this.#options).draw(this.random('draw'));
    this.#advance(token);
    return token;
  }

  /** Drafts one more token from the logits [V] of a cheaper model. */
  draft(logits: Float32Array): number {
    const scores = this.#penalise(logits);
    const at = this.#drafts.length;
    const token = this.#isGreedy
      ? bestOf(scores)
      : this.#source(at).set(scores, this.#options).draw(this.random('draft', at));
    this.#drafts.push(token);
    this.#history?.push(token);
    return token;
  }

  /**
   * The tokens that follow, from the target model's logits after the last token and after each draft [drafts + 1, V]:
   * drafts as long as they are kept, and one token more.
   */
  settle(logits: Float32Array): number[] {
    const drafts = this.#drafts.splice(0);
    for (const draft of drafts.toReversed()) this.#history?.pop(draft);
    const row = (i: number) => logits.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize);
    const tokens: number[] = [];
    for (const [i, draft] of drafts.entries()) {
      const token = this.#isGreedy ? this.choose(row(i)) : this.#check(draft, row(i), this.#source(i));
      tokens.push(token);
      if (token !== draft) return tokens;
    }
    tokens.push(this.choose(row(drafts.length)));
    return tokens;
  }

  /** The random number of the token `ahead` places behind the next one. */
  random(purpose: 'draw' | 'draft' | 'keep', ahead = 0): number {
    return createRandom(this.#options.seed, this.#position + ahead, purpose).next();
  }

  /** Takes tokens that were chosen elsewhere, with the random numbers of this sampler. */
  follow(tokens: readonly number[]): void {
    for (const token of tokens) this.#advance(token);
  }

  get #isGreedy(): boolean {
    return this.#options.temperature === 0;
  }

  #check(draft: number, logits: Float32Array, source: TokenDistribution): number {
    const target = this.#target.set(this.#penalise(logits), this.#options);
    const token = keepsDraft(target, source, draft, this.random('keep')) ? draft : this.#replace(target, source);
    this.#advance(token);
    return token;
  }

  #replace(target: TokenDistribution, source: TokenDistribution): number {
    this.#excess ??= new Float64Array(this.#vocabSize);
    return replaceDraft(target, source, this.random('draw'), this.#excess);
  }

  #advance(token: number): void {
    this.#history?.push(token);
    this.#position++;
  }

  #penalise(logits: Float32Array): Float32Array {
    return this.#history === null ? logits : this.#history.penalise(logits, this.#options.repetitionPenalty);
  }

  #source(at: number): TokenDistribution {
    this.#sources[at] ??= new TokenDistribution(this.#vocabSize);
    return this.#sources[at];
  }
}

function bestOf(logits: Float32Array): number {
  const best = mostLikely(logits);
  if (best === -1) throw notNumbers();
  return best;
}
