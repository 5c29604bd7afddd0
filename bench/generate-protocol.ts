// What is generated in the comparison of `bench/generate.ts`; `pytorch_generate.py` has the same numbers.

export const promptLength = 8;
export const newTokens = 256;
/** Generations before those that are timed: V8 optimises meanwhile. */
export const warmUps = 8;
export const generations = 9;

/** What every contender prints. */
export interface GenerateResult {
  /** New tokens over the time of a generation, prompt included. */
  readonly tokensPerSecond: number;
}

/** What ours says besides, of the model with an MTP module and 128 tokens in the cache. */
export interface OwnResult extends GenerateResult {
  readonly threads: number | null;
  readonly engineVariant: string | null;
  readonly cacheBytesPerTokenAndLayer: number;
  /** Passes of one, two, three and four tokens of a sequence. */
  readonly passMicroseconds: readonly number[];
  readonly draftMicroseconds: {
    readonly afterOneToken: number;
    readonly afterTwoTokens: number;
    readonly recycled: number;
  };
}
