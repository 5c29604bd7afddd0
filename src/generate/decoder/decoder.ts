// The decoder: a model with the latents of several sequences in a cache. `createDecoder` makes one, of kernels of our
// own on the engine and on WebGPU, and of TF.js operations on other backends.
// Shape legend: V vocabSize, C kvLoraRank, R qkRopeHeadDim.

import type { ModelConfig } from '../../config/model-config.ts';
import type { WeightFormat } from '../../engine/weight-formats.ts';
import type { DrawnTokens, GreedyTokens, TokenFilters, WrittenRound } from '../passes/passes.ts';

/** Tokens that continue one sequence. */
export interface SequenceTokens {
  /** Which of the decoder's sequences, 0 to `slots - 1`. */
  readonly slot: number;
  /** At least one; they follow the tokens that the sequence has already. */
  readonly tokens: readonly number[];
  /** Which logits are wanted: those after every token given, or only those after the last. */
  readonly logits: 'all' | 'last';
}

/** Tokens that continue one sequence, and what is to be drawn behind them. */
export interface DrawInput {
  readonly slot: number;
  /** At least one; they follow the tokens that the sequence has already. */
  readonly tokens: readonly number[];
  /** For each draw, where in the sum of the probabilities its token lies: 0 <= quantile < 1. */
  readonly quantiles: readonly number[];
}

/** A token that is chosen but not yet run through the model. */
export interface DraftToken {
  readonly slot: number;
  readonly token: number;
}

/** What a random number is for: to draw a token, to draft one, or to keep a draft. */
export type RandomPurpose = 'draw' | 'draft' | 'keep';

/** A text that a decoder continues by itself. */
export interface DecodedText {
  readonly slot: number;
  /** The token that was chosen last and has not run. */
  readonly token: number;
  readonly filters: TokenFilters;
  /** The random number, in [0, 1), of the token `ahead` places behind the next one. */
  random(purpose: RandomPurpose, ahead: number): number;
}

/**
 * What a decoder does whose passes choose tokens themselves, as on WebGPU: the host reads several at once. The tokens
 * are those that the host would have chosen, up to rounding.
 */
export interface DecoderWriter {
  /** Most tokens that a text gets in a call. */
  readonly most: number;
  /** Whether it can filter tokens so; if not, `forward` gives the logits. */
  canChoose(filters: TokenFilters): boolean;
  /**
   * Continues texts by `rounds` passes of the main model, with `drafts` drafts in each. The last token of each text is
   * chosen but has not run. A token outside the vocabulary means that the logits were not numbers.
   *
   * @throws UserError as `forward` and `draft` do.
   */
  write(texts: readonly DecodedText[], rounds: number, drafts: number): Promise<readonly (readonly WrittenRound[])[]>;
}

/**
 * A model and the cached tokens of `slots` independent sequences. Of each token and layer the cache holds the normed
 * latent and the rotated shared key, C + R floats, and nothing else (F 1.4).
 *
 * Logits that a call returns are valid until the next call, of any method. Calls may not overlap. On the engine and on
 * WebGPU a token gets the same bits whatever runs beside it, and however its sequence was cut into calls.
 */
export interface Decoder {
  readonly config: ModelConfig;
  /** How many sequences it holds. */
  readonly slots: number;
  /** Tokens that a sequence can hold: at most `maxPositionEmbeddings`. */
  readonly capacity: number;
  /** Whether `draft` can be called: the model has an MTP module, and it was asked for. */
  readonly canDraft: boolean;
  /** Bytes of the latents cached now: tokens * layers * (C + R) * 4, and the MTP module's. */
  readonly cacheBytes: number;

  /** Absent where the host must choose every token. */
  readonly writer?: DecoderWriter;

  /** Tokens of a sequence that are cached. */
  length(slot: number): number;

  /**
   * Runs tokens through the main model and caches them. Sequences in one call run together and do not see each other.
   *
   * Returns, for each input, logits of the next token: [V], or [tokens, V] for 'all', row-major.
   * @throws UserError when a token is outside the vocabulary or a sequence would outgrow `capacity`; nothing has run
   * then.
   */
  forward(inputs: readonly SequenceTokens[]): Promise<readonly Float32Array[]>;

  /**
   * Runs tokens as `forward` does, and draws from the distribution of the token after the last of each, as it is: no
   * token is left out. Temperature 0 takes the most likely one, with the probability that the model gives it.
   *
   * Returns the drawn tokens with their probabilities, by input and quantile.
   * @throws {UserError} as `forward` does, and when the model gives logits that are not numbers.
   */
  draw(inputs: readonly DrawInput[], temperature: number): Promise<DrawnTokens>;

  /**
   * The `count` tokens that follow `token`, the most likely one each time; `token` and all of them but the last are
   * cached then. With `drafts`, each pass also runs the token that the MTP module drafts; there may be one token less
   * then.
   *
   * Null where the backend needs the host for each token, or where the sequence is not ready: to draft here, `draft`
   * must have been called for one of the last two tokens.
   * @throws {UserError} as `forward` does, and when the model gives logits that are not numbers.
   */
  greedy(slot: number, token: number, count: number, drafts: boolean): Promise<GreedyTokens | null>;

  /**
   * Predicts with the first MTP module what follows `token`, which must be the next token after all those that this
   * sequence has run or drafted so far. The first call after `forward` reads the main model's hidden states (F 3); each
   * further one reads the module's own output of the call before, as a deeper module would (recycling). The next
   * `forward` forgets what was drafted.
   *
   * Returns logits [V] for each input. On the engine they are those of a cheaper module, in which each token has half
   * of its experts.
   * @throws UserError when `canDraft` is false, nothing ran before `token`, or token and drafts would outgrow
   * `capacity` + 1.
   */
  draft(inputs: readonly DraftToken[]): Promise<readonly Float32Array[]>;

  /** Forgets the tokens of a sequence from `length` on; 0 gives its memory back, but not on WebGPU. */
  truncate(slot: number, length: number): void;

  /** Makes sequence `to` a copy of sequence `from`. */
  copy(from: number, to: number): void;

  /** Frees the cache; the model stays the caller's. */
  dispose(): void;
}

export interface DecoderOptions {
  /** How many sequences it holds. Default 1. */
  readonly slots?: number;
  /** Tokens that a sequence can hold. Default `maxPositionEmbeddings`. */
  readonly capacity?: number;
  /** Whether the MTP module is kept up to date, for `draft`. Default false. */
  readonly drafts?: boolean;
  /**
   * The format in which the decoder keeps the matrices of the model. 'bfloat16' reads half of the bytes of float32, so
   * it is faster where the weights do not fit into a cache; 'fp8' reads a quarter: E4M3 with a scale for each block of
   * 128 x 128 weights (F 4.2), head, router and `eh_proj` in bfloat16. Arithmetic, cache, norms and embedding stay
   * float32: logits are those of a model whose weights were rounded, to the last bit. Only on the engine. Default
   * 'float32'.
   */
  readonly weights?: WeightFormat;
}
