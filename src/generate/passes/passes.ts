// What a decoder needs of the machinery below it: passes of tokens through the model, over memory that is addressed by
// sequence and position. What positions mean is the decoder's business.
// Shape legend: V vocabSize, D hiddenSize.

import type { SamplingOptions } from '../sampling/sampling.ts';

/** One token of a pass. The rows of a sequence are consecutive and their positions ascend by one. */
export interface PassRow {
  readonly slot: number;
  readonly position: number;
  readonly token: number;
  /** Whether the logits after it are wanted. */
  readonly logits: boolean;
}

/** How tokens are filtered before one is drawn. */
export type TokenFilters = Pick<SamplingOptions, 'temperature' | 'topK' | 'topP' | 'minP'>;

/** A text that is to be continued where passes choose tokens themselves. */
export interface WrittenText extends TokenFilters {
  readonly slot: number;
  /** Tokens that have run. */
  readonly length: number;
  /** The last tokens, ending with the one that is chosen but has not run. */
  readonly recent: readonly number[];
  /** Random numbers for the tokens to come: to draw, to draft, and to keep a draft. */
  readonly random: readonly [draw: readonly number[], draft: readonly number[], keep: readonly number[]];
}

/** What one pass of the main model gave a text. */
export interface WrittenRound {
  readonly drafts: readonly number[];
  /** Drafts as far as they were kept, and one token more. */
  readonly tokens: readonly number[];
}

/** Passes that choose tokens themselves, several before the host looks. */
export interface PassesWriter {
  /** Most tokens that a text gets at once. */
  readonly most: number;
  canChoose(filters: TokenFilters): boolean;
  /**
   * Continues texts by `rounds` passes of the main model, with `drafts` tokens of the MTP module in each. The module
   * must have run on all tokens that have run, but for the last `drafts` + 1.
   */
  write(texts: readonly WrittenText[], rounds: number, drafts: number): Promise<readonly (readonly WrittenRound[])[]>;
}

/** Tokens to be drawn: from which row of logits each, and where in the sum of its probabilities, 0 <= quantile < 1. */
export interface Draws {
  readonly rows: Int32Array;
  readonly quantiles: Float64Array;
}

/** The tokens that were drawn, and how likely each was: NaN where the logits are not numbers. */
export interface DrawnTokens {
  readonly ids: Int32Array;
  readonly probabilities: Float64Array;
}

/** Where greedy decoding of a sequence goes on. */
export interface GreedyStart {
  readonly slot: number;
  /** The first token that has not run, its position, and the token before it. */
  readonly token: number;
  readonly position: number;
  readonly previous: number;
  /** Whether to draft, and how many positions the MTP module has seen: to draft, at least `position` - 2. */
  readonly drafts: boolean;
  readonly mtpLength: number;
  /** How many tokens to choose; with drafts it may become one less. */
  readonly count: number;
}

/** The tokens that follow the one given, all but the last of which have run. */
export interface GreedyTokens {
  readonly ids: Int32Array;
  /** What was drafted in the place of each: itself, another token, or -1 for nothing. */
  readonly drafts: Int32Array;
}

/**
 * Passes of one model over the caches of `slots` sequences. A row replaces what its position held before, and what
 * later positions held is no longer valid, so nothing needs to be erased.
 */
export interface Passes {
  /**
   * Runs the main model and, if there are drafts, keeps the hidden state of each row at its position.
   *
   * Returns the logits of the rows that want them, [rows, V] row-major, valid until the next pass.
   */
  main(rows: readonly PassRow[]): Promise<Float32Array>;

  /**
   * Runs the first MTP module: a row reads the hidden state kept at its position and the token that follows it. The
   * output of the last row of each sequence is kept as the hidden state of the next position.
   */
  mtp(rows: readonly PassRow[]): Promise<Float32Array>;

  /** Absent where the host must choose every token. */
  readonly writer?: PassesWriter;

  /**
   * Draws from the logits of the last pass as `drawTokens` does, to the same bits; absent where that is no faster than
   * reading them.
   */
  draw?(draws: Draws, temperature: number): DrawnTokens;

  /**
   * Chooses the most likely token many times, with drafts if there are any; absent where that needs the host for each
   * token. Also returns how many positions the module has seen.
   *
   * @throws {UserError} when logits are not numbers.
   */
  greedy?(start: GreedyStart): GreedyTokens & { readonly mtpLength: number };

  /** Forgets the hidden states of a sequence before a position. */
  forgetHidden(slot: number, before: number): void;

  /** Gives back the memory of a sequence. */
  clear(slot: number): void;

  /** Copies the first `length` tokens of sequence `from` to sequence `to`, with their MTP entries and hidden states. */
  copy(from: number, to: number, length: number): void;

  dispose(): void;
}
