// Long texts in pieces: a corpus may be larger than memory, and a single document larger than the longest string.
//
// A document is cut where every tokenizer here ends a word anyway, so its tokens are those of the whole text: before
// the blank between two words, or after a line break between two lines. Only a text without such a place (one word of a
// quarter of a million characters) is cut elsewhere.

/** Characters (UTF-16 units) of the longest piece. */
export const pieceLength = 1 << 18;

/** A piece of a document: text, or token ids. */
export interface Piece {
  readonly content: string | Int32Array;
  /** Whether a document begins here; otherwise the piece carries on the document of the piece before. */
  readonly isStart: boolean;
}

/** Cuts the text of one document, which comes in parts of any length; the pieces do not depend on those parts. */
export class PieceCutter {
  readonly #length: number;
  #rest = '';
  #hasBegun = false;

  constructor(length = pieceLength) {
    this.#length = length;
  }

  /** Takes the next part of the text, and returns the pieces that are certain. */
  push(part: string): Piece[] {
    this.#rest += part;
    const pieces: Piece[] = [];
    // One character more than a piece, to see what follows the cut.
    while (this.#rest.length > this.#length) {
      const end = cutPlace(this.#rest, this.#length);
      pieces.push(this.#piece(this.#rest.slice(0, end)));
      this.#rest = this.#rest.slice(end);
    }
    return pieces;
  }

  /** The last piece; none for a document of nothing but blanks. The next `push` begins another document. */
  end(): Piece[] {
    const isBlank = !this.#hasBegun && this.#rest.trim() === '';
    const last = isBlank ? [] : [this.#piece(this.#rest)];
    this.#rest = '';
    this.#hasBegun = false;
    return last;
  }

  #piece(content: string): Piece {
    const isStart = !this.#hasBegun;
    this.#hasBegun = true;
    return { content, isStart };
  }
}

/** The pieces of one document. */
export function cutIntoPieces(text: string, length = pieceLength): Piece[] {
  const cutter = new PieceCutter(length);
  return [...cutter.push(text), ...cutter.end()];
}

/** The last place, at most at `limit`, where a word ends whatever the tokenizer; else `limit`, or the place before. */
function cutPlace(text: string, limit: number): number {
  for (const isPlace of [isBetweenWords, isBetweenLines]) {
    for (let at = limit; at > limit / 2; at--) if (isPlace(text, at)) return at;
  }
  const isInsidePair = /^[\uD800-\uDBFF][\uDC00-\uDFFF]/.test(text.slice(limit - 1, limit + 1));
  return isInsidePair ? limit - 1 : limit;
}

const isLetter = (text: string, at: number) => /^\p{L}/u.test(text.charAt(at));

function isBetweenWords(text: string, at: number): boolean {
  return text.charAt(at) === ' ' && isLetter(text, at - 1) && isLetter(text, at + 1);
}

function isBetweenLines(text: string, at: number): boolean {
  return text.charAt(at - 1) === '\n' && /\S/.test(text.charAt(at - 2)) && isLetter(text, at);
}
