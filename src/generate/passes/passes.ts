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

  /** Forgets the hidden states of a sequence before a position. */
  forgetHidden(slot: number, before: number): void;

  /** Gives back the memory of a sequence. */
  clear(slot: number): void;

  /** Copies the first `length` tokens of sequence `from` to sequence `to`, with their MTP entries and hidden states. */
  copy(from: number, to: number, length: number): void;

  dispose(): void;
}
