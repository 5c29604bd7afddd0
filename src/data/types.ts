// What the rest of the program knows of data: a tokenizer, a row of tokens, a batch.

/** Text to token ids and back, exactly, for any bytes. */
export interface Tokenizer {
  /** Specification that recreates it: `bytes`, `chars`, `bpe:1024`, `r50k_base:1024`, ... */
  readonly name: string;
  /** Ids are 0 .. vocabSize - 1, special tokens included. */
  readonly vocabSize: number;
  /** Begins a text; null if there is no such token. */
  readonly bosTokenId: number | null;
  /** Ends a document; null if there is no such token, and no run can be trained then. */
  readonly eosTokenId: number | null;
  /** Tokens that end what a model generates; absent: `eosTokenId` alone. */
  readonly endTokenIds?: readonly number[];
  /** Ids of the fill-in-the-middle tokens; null if there are none. */
  readonly fim: { readonly begin: number; readonly hole: number; readonly end: number } | null;
  /** How conversations are written for the model, in Jinja: the `chat_template` of `tokenizer_config.json`. */
  readonly chatTemplate?: string;
  /** Special tokens that its file lacked, and that were added for a model trained from scratch. */
  readonly completedWith?: readonly string[];
  /** Token ids of a text; text that looks like a special token is ordinary text here. */
  encode(text: string): Int32Array;
  /**
   * The same while other things go on; absent where it takes no longer than in proportion to the text. A server encodes
   * by `encodeAside`, the function, which uses it where it is there. The signal ends what nobody waits for any more.
   */
  readonly encodeAside?: (text: string, signal?: AbortSignal) => Promise<Int32Array>;
  /**
   * The bytes the tokens stand for; special tokens stand for none.
   *
   * @throws Error on an id out of range.
   */
  decodeBytes(ids: ArrayLike<number>): Uint8Array;
  /** `decodeBytes` as UTF-8, with U+FFFD for what is not. */
  decode(ids: ArrayLike<number>): string;
  /** Number of bytes one token stands for (0 for special tokens). */
  byteLength(id: number): number;
  /** The contents of a Hugging Face `tokenizer.json`. */
  toHuggingFace(): Record<string, unknown>;
}

/** A tokenizer with every special token, as those that are made here have. */
export interface CompleteTokenizer extends Tokenizer {
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly fim: { readonly begin: number; readonly hole: number; readonly end: number };
}

/** One row of training text: `seqLen + 1` ids, so that inputs are the first `seqLen` and targets the last. */
export interface Sample {
  readonly ids: Int32Array; // [seqLen + 1]
  /** Which document each id belongs to, counted from 0 within the row. */
  readonly documentIds: Int32Array; // [seqLen + 1]
  /** Index into `Dataset.domains`. */
  readonly domain: number;
}

/** Rows of equal length, flattened. */
export interface Batch {
  readonly batchSize: number;
  readonly seqLen: number;
  readonly ids: Int32Array; // [batchSize, seqLen + 1]
  readonly documentIds: Int32Array; // [batchSize, seqLen + 1]
  readonly domains: Int32Array; // [batchSize]
  /** The weight of each token as a label, not negative; absent where all count alike, as in text for pre-training. */
  readonly labelWeights?: Float32Array; // [batchSize, seqLen + 1]
}

/** Tokenised text with a held-out part, read by index. */
export interface Dataset {
  readonly tokenizer: Tokenizer;
  readonly domains: readonly string[];
  readonly trainTokens: number;
  /** Training rows `index .. index + batchSize - 1`: a pure function of (seed, index). */
  trainBatch(index: number, batchSize: number): Batch;
  /**
   * The held-out text of one domain, every token predicted exactly once, in order; the last batches may have fewer
   * rows or be shorter, and none is padded. `maxTokens` stops early, after a whole batch.
   */
  heldOutBatches(domain: number, batchSize: number, maxTokens?: number): Iterable<Batch>;
  /** The held-out text itself, for other measures of the same bytes (Brotli). */
  heldOutText(domain: number): string;
  /**
   * SHA-256 of all tokens, training and held-out, in order: a run that goes on compares it. Of a dataset without it,
   * only the first rows are compared.
   */
  sha256?(): Promise<string>;
  /** How the text was understood and what was left out of it, for people. */
  readonly notes?: readonly string[];
  /** What is wrong with the text, for people: held-out text that is too short to measure anything. */
  readonly warnings?: readonly string[];
}
