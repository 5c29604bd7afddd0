// Turns tokens into text as they come: only whole characters, and nothing that may still become a stop string.

import type { Tokenizer } from '../../data/types.ts';

/** What a token adds to the text, and whether the text has ended at a stop string. */
export interface TextPiece {
  readonly text: string;
  readonly stopped: boolean;
}

/**
 * The text of a sequence of tokens, in pieces that never have to be taken back. Together the pieces are
 * `tokenizer.decode` of all tokens, up to the stop string that is complete first.
 */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #stops: readonly string[];
  // A byte-order mark is text here as elsewhere; bytes that are not UTF-8 become U+FFFD.
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Text that could be the beginning of a stop string. */
  #held = '';

  /** @param stops none of them empty */
  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stops = stops;
  }

  /** Takes one more token, and returns the text that is certain now. */
  push(id: number): TextPiece {
    // A model may have more ids than its tokenizer; those stand for no text.
    if (id >= this.#tokenizer.vocabSize) return { text: '', stopped: false };
    return this.#take(this.#utf8.decode(this.#tokenizer.decodeBytes([id]), { stream: true }));
  }

  /** The text that was held back, when no token follows. */
  end(): string {
    const { text, stopped } = this.#take(this.#utf8.decode());
    return stopped ? text : text + this.#release();
  }

  #take(more: string): TextPiece {
    if (this.#stops.length === 0) return { text: more, stopped: false };
    const text = this.#held + more;
    const stop = firstStop(text, this.#stops);
    if (stop !== null) {
      this.#held = '';
      return { text: text.slice(0, stop), stopped: true };
    }
    const certain = text.length - longestStart(text, this.#stops);
    this.#held = text.slice(certain);
    return { text: text.slice(0, certain), stopped: false };
  }

  #release(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }
}

/** Where the stop string that is complete first begins; of several that end at the same place, the longest. */
function firstStop(text: string, stops: readonly string[]): number | null {
  let [start, end] = [-1, Number.POSITIVE_INFINITY];
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at === -1 || at + stop.length > end) continue;
    if (at + stop.length < end || at < start) [start, end] = [at, at + stop.length];
  }
  return start === -1 ? null : start;
}

/** Length of the longest end of the text that is the beginning of a stop string. */
function longestStart(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
