// One prompt being continued: its choice of tokens, its text and its events. It has no decoder; the caller passes it
// logits.

import type { Tokenizer } from '../../data/types.ts';
import type { GreedyTokens, WrittenRound } from '../passes/passes.ts';
import { notNumbers } from '../sampling/token-distribution.ts';
import { TokenSampler } from '../sampling/token-sampler.ts';
import { EventQueue } from './event-queue.ts';
import type {
  GenerationEnd,
  GenerationEvent,
  GenerationRequest,
  GenerationStatistics,
  ScoredToken,
} from './generator.ts';
import { TextStream } from './text-stream.ts';
import { tokenLogprobs } from './token-logprobs.ts';

/** Sizes of the decoder that continues the prompt. */
export interface GenerationLimits {
  readonly vocabSize: number;
  /** Tokens that a sequence can hold. */
  readonly capacity: number;
}

const noLogits = new Float32Array(0);

// After so many drafts it is known how many are kept. Below this share of them a draft costs more time than it saves: a
// pass of two tokens takes 1.3 to 1.4 passes of one, and a draft 0.3 (docs/generate.md).
const fewDrafts = 16;
const breakEven = 0.65;

export class Generation {
  readonly request: GenerationRequest;
  readonly events: EventQueue<GenerationEvent>;
  readonly sampler: TokenSampler;
  /** The decoder's sequence while it runs. */
  slot = -1;
  readonly #vocabSize: number;
  readonly #limit: number;
  readonly #endTokenIds: ReadonlySet<number>;
  readonly #text: TextStream;
  #lastToken = -1;
  #newTokens = 0;
  #forwardPasses = 0;
  #drafted = 0;
  #accepted = 0;
  #startedAt = 0;
  #firstTokenAt: number | null = null;
  #abandoned = false;
  #isOver = false;

  constructor(request: GenerationRequest, tokenizer: Tokenizer, { vocabSize, capacity }: GenerationLimits) {
    this.request = request;
    this.events = new EventQueue(() => this.abandon());
    this.sampler = new TokenSampler(request.sampling, vocabSize, request.promptIds);
    this.#vocabSize = vocabSize;
    // The last token need not fit into the cache: it is not run.
    this.#limit = Math.min(request.maxNewTokens, capacity - request.promptIds.length + 1);
    const { eosTokenId, endTokenIds = eosTokenId === null ? [] : [eosTokenId] } = tokenizer;
    this.#endTokenIds = new Set(endTokenIds);
    this.#text = new TextStream(tokenizer, request.stop);
  }

  /** Whether nobody wants the rest. */
  get isAborted(): boolean {
    return this.#abandoned || this.request.signal?.aborted === true;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The token chosen last, which the decoder has not run yet. */
  get lastToken(): number {
    return this.#lastToken;
  }

  /** How many tokens it may still get. */
  get room(): number {
    return this.#limit - this.#newTokens;
  }

  /** How many drafts are useful: if all are kept, they and the token after them must not exceed the limit. */
  get draftRoom(): number {
    return this.room - 1;
  }

  /** Whether nothing but tokens is wanted: no probabilities, and no choice that depends on all tokens before. */
  get needsOnlyTokens(): boolean {
    const { topLogprobs, sampling } = this.request;
    return topLogprobs === null && sampling.repetitionPenalty === 1;
  }

  /** Whether the most likely token is taken every time and nothing is asked about the others. */
  get isPlainlyGreedy(): boolean {
    return this.needsOnlyTokens && this.request.sampling.temperature === 0;
  }

  /** Whether drafts are kept often enough to be worth their time. */
  get draftsPay(): boolean {
    return this.#drafted < fewDrafts || this.#accepted >= breakEven * this.#drafted;
  }

  abandon(): void {
    this.#abandoned = true;
  }

  /** Notes the time at which the first pass begins. */
  start(): void {
    this.#startedAt = performance.now();
  }

  /**
   * Reports the probabilities of the prompt's tokens, if they are wanted, from the logits after `count` of its tokens
   * from `start` on [count, V].
   */
  scorePrompt(start: number, count: number, logits: Float32Array): void {
    const { promptIds, topLogprobs, scoresPrompt = false } = this.request;
    if (!scoresPrompt) return;
    const tokens: ScoredToken[] = start === 0 ? [{ id: promptIds[0]!, logprob: null, topLogprobs: [] }] : [];
    for (let i = 0; i < count && start + i + 1 < promptIds.length; i++) {
      const id = promptIds[start + i + 1]!;
      const row = logits.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize);
      tokens.push({ id, ...tokenLogprobs(row, id, topLogprobs ?? 0) });
    }
    this.events.push({ type: 'prompt', text: '', tokens });
  }

  /** Chooses the first token, from the logits [V] after the prompt. */
  begin(logits: Float32Array): void {
    this.#forwardPasses++;
    if (this.request.maxNewTokens === 0) this.finish('length');
    else this.#accept(this.sampler.choose(logits), null, logits);
  }

  /**
   * Chooses the next tokens from the logits after the last token and after each draft [drafts + 1, V]. Returns how many
   * drafts were kept.
   */
  advance(logits: Float32Array): number {
    const drafts = [...this.sampler.drafts];
    const tokens = this.sampler.settle(logits);
    this.#acceptRound({ drafts, tokens }, logits);
    return tokens.length - 1;
  }

  /** Takes the tokens that the decoder has chosen itself; what comes after the end is dropped. */
  take(rounds: readonly WrittenRound[]): void {
    for (const round of rounds) {
      if (this.#isOver) return;
      if (round.tokens.some((token) => token >= this.#vocabSize)) throw notNumbers();
      this.sampler.follow(round.tokens);
      this.#acceptRound(round, noLogits);
    }
  }

  /** Takes tokens that the decoder chose by itself, up to the end of the text. */
  takeGreedy({ ids, drafts }: GreedyTokens): void {
    let wasKept = false;
    for (const [i, token] of ids.entries()) {
      const draft = drafts[i]!;
      if (!wasKept) this.#forwardPasses++; // the pass that kept a draft gave the token after it as well
      wasKept = token === draft;
      if (draft >= 0) this.#drafted++;
      if (wasKept) this.#accepted++;
      this.#accept(token, draft < 0 ? null : draft, noLogits);
      if (this.#isOver) return;
    }
  }

  /** Ends the generation with the text so far. */
  finish(finishReason: GenerationEnd['finishReason'], text = this.#text.end()): void {
    this.#isOver = true;
    this.events.push({ type: 'end', finishReason, text, statistics: this.#statistics() });
    this.events.close();
  }

  /** Ends the generation with an error. */
  fail(error: unknown): void {
    this.#isOver = true;
    this.events.close(error);
  }

  /** `logits`: those that the tokens were chosen from [drafts + 1, V]; they are read where probabilities are wanted. */
  #acceptRound({ drafts, tokens }: WrittenRound, logits: Float32Array): void {
    this.#forwardPasses++;
    this.#drafted += drafts.length;
    this.#accepted += tokens.length - 1;
    for (const [i, token] of tokens.entries()) {
      const row = logits.subarray(i * this.#vocabSize, (i + 1) * this.#vocabSize);
      this.#accept(token, drafts[i] ?? null, row);
      if (this.#isOver) break;
    }
  }

  #accept(token: number, draft: number | null, logits: Float32Array): void {
    this.#firstTokenAt ??= performance.now();
    if (this.#endTokenIds.has(token)) {
      if (this.request.scoresPrompt) this.#reportEnd(token, draft, logits);
      this.finish('stop');
    } else this.#append(token, draft, logits);
  }

  /** Whoever sums up probabilities needs that of the end as well. */
  #reportEnd(token: number, draft: number | null, logits: Float32Array): void {
    this.#newTokens++;
    this.events.push({ type: 'token', id: token, text: '', draft, ...this.#logprobs(logits, token) });
  }

  #append(token: number, draft: number | null, logits: Float32Array): void {
    this.#lastToken = token;
    this.#newTokens++;
    const { text, stopped } = this.#text.push(token);
    this.events.push({ type: 'token', id: token, text, draft, ...this.#logprobs(logits, token) });
    if (stopped) this.finish('stop', '');
    else if (this.#newTokens === this.#limit) this.finish('length');
  }

  #logprobs(logits: Float32Array, token: number) {
    const { topLogprobs } = this.request;
    return topLogprobs === null ? { logprob: null, topLogprobs: [] } : tokenLogprobs(logits, token, topLogprobs);
  }

  #statistics(): GenerationStatistics {
    const now = performance.now();
    const started = this.#startedAt === 0 ? now : this.#startedAt;
    const first = this.#firstTokenAt ?? now;
    return {
      newTokens: this.#newTokens,
      forwardPasses: this.#forwardPasses,
      drafted: this.#drafted,
      accepted: this.#accepted,
      prefillSeconds: (first - started) / 1000,
      decodeSeconds: (now - first) / 1000,
    };
  }
}
