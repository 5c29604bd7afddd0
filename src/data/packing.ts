// Joins documents into one stream of tokens, and cuts the stream into rows.

import { UserError } from '../errors.ts';
import { NumberList } from './number-list.ts';

/** A part of a stream. */
export interface StreamPart {
  readonly ids: Int32Array; // [L]
  /** Which document each id belongs to, counted from 0 within the part. */
  readonly documents: Int32Array; // [L]
}

type Block = Uint16Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** Ids of a block. A stream is made of blocks, so that it grows without being copied. */
const blockLength = 1 << 22;
const smallestBlock = 1 << 10;

/** The tokens of a domain, end to end: two bytes a token up to 65,536 kinds of them, four beyond. */
export class TokenStream {
  readonly #blocks: Block[] = [];
  /** Where each document begins. */
  readonly #starts = new NumberList();
  readonly #isShort: boolean;
  #length = 0;

  constructor(vocabSize: number) {
    this.#isShort = vocabSize <= 1 << 16;
  }

  get length(): number {
    return this.#length;
  }

  /** Where each document begins. */
  get starts(): Float64Array<ArrayBuffer> {
    return this.#starts.toArray();
  }

  beginDocument(): void {
    this.#starts.push(this.#length);
  }

  push(ids: ArrayLike<number>): void {
    for (let done = 0; done < ids.length; ) {
      const block = this.#roomyBlock(ids.length - done);
      const from = this.#length % blockLength;
      const count = Math.min(ids.length - done, block.length - from);
      for (let i = 0; i < count; i++) block[from + i] = ids[done + i]!;
      done += count;
      this.#length += count;
    }
  }

  /** `length` ids from `start`. */
  slice(start: number, length: number): StreamPart {
    const ids = new Int32Array(length);
    const documents = new Int32Array(length);
    const first = this.#documentAt(start);
    let document = first;
    for (let i = 0; i < length; i++) {
      const at = start + i;
      while ((this.#starts.at(document + 1) ?? Number.POSITIVE_INFINITY) <= at) document++;
      ids[i] = this.#blocks[Math.floor(at / blockLength)]![at % blockLength]!;
      documents[i] = document - first;
    }
    return { ids, documents };
  }

  /** The ids as they lie in memory. */
  *blocks(): Generator<Uint8Array<ArrayBuffer>> {
    for (const [i, block] of this.#blocks.entries()) {
      const used = Math.min(block.length, this.#length - i * blockLength);
      yield new Uint8Array(block.buffer, 0, used * block.BYTES_PER_ELEMENT);
    }
  }

  /** The document that the id at a place belongs to. */
  #documentAt(place: number): number {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#starts.at(middle)! <= place) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The last block, with room for `wanted` more ids, or for as many as a block can have. */
  #roomyBlock(wanted: number): Block {
    const from = this.#length % blockLength;
    const last = from === 0 ? undefined : this.#blocks.pop();
    const size = Math.min(blockLength, Math.max(from + wanted, smallestBlock));
    const isLarge = last !== undefined && last.length >= size;
    const block = isLarge ? last : this.#grown(last, Math.min(blockLength, Math.max(size, 2 * (last?.length ?? 0))));
    this.#blocks.push(block);
    return block;
  }

  #grown(block: Block | undefined, size: number): Block {
    const larger = this.#isShort ? new Uint16Array(size) : new Int32Array(size);
    if (block !== undefined) larger.set(block);
    return larger;
  }
}

/** Puts documents into a stream, an id of the end of a text between them. */
export interface Packer {
  begin(): void;
  add(ids: ArrayLike<number>): void;
  end(): void;
  /** The stream, once all documents are in it. */
  finish(): TokenStream;
}

/**
 * Joins documents with the end token.
 *
 * Without a document mask (the report's pre-training) the stream is `eos d0 eos d1 eos`: it begins with an end token so
 * that the first real token is predicted too, and every document follows one. An end token belongs to the document that
 * it ends. With the mask, no document may look at or be predicted from another, so each has an end token at both ends:
 * `eos d0 eos, eos d1 eos`. The only label that crosses documents is the first `eos` of a document, predicted from the
 * last `eos` of the one before.
 */
export function createPacker(eosTokenId: number, documentMask: boolean, vocabSize: number): Packer {
  const stream = new TokenStream(vocabSize);
  const eos = [eosTokenId];
  return {
    begin: () => {
      const isFirst = stream.length === 0;
      stream.beginDocument();
      if (isFirst || documentMask) stream.push(eos);
    },
    add: (ids) => stream.push(ids),
    end: () => stream.push(eos),
    finish: () => {
      if (stream.length === 0) stream.push(eos);
      return stream;
    },
  };
}

/** Number of rows of `seqLen + 1` ids, each overlapping the next by one, that a stream has. */
export function countRows(stream: TokenStream, seqLen: number): number {
  return Math.floor((stream.length - 1) / seqLen);
}

/** Throws a UserError, with a fix, if a domain's training text does not fill one row. */
export function checkLength({ length }: TokenStream, seqLen: number, domain: string): void {
  if (length > seqLen) return;
  const fix = length > 2 ? `lower seqLen to at most ${length - 1} or add text` : 'add text';
  throw new UserError(
    `data: ${domain} has ${length} training tokens, fewer than the ${seqLen + 1} of one row (seqLen ${seqLen} + 1); ${fix}`,
  );
}
