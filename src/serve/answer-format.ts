// How answers are written: what the two endpoints differ in.

import type { ScoredToken } from '../generate/batch/generator.ts';
import type { Choice } from './call.ts';

export interface PlacedToken extends ScoredToken {
  /** Characters (code points) of the answer before this token, or of prompt and answer if the prompt is echoed. */
  readonly offset: number;
}

/** A piece of an answer, or all of it. */
export interface AnswerPart {
  readonly text: string;
  readonly tokens: readonly PlacedToken[];
  /** Null while more is to come. */
  readonly finishReason: 'stop' | 'length' | null;
}

export interface AnswerFormat {
  readonly idPrefix: string;
  /** `object` of a whole answer, and of a chunk of a stream. */
  readonly objects: { readonly whole: string; readonly chunk: string };
  /** What a stream says of a choice before its first token; null if there is nothing to say. */
  opening(choice: Choice): object | null;
  /** An entry of `choices` in a stream. */
  chunk(choice: Choice, part: AnswerPart): object;
  /** An entry of `choices` in a whole answer. */
  whole(choice: Choice, part: AnswerPart): object;
}

/** Logarithm of a probability as JSON can have it: the API writes -9999 for what is impossible. */
export function finiteLogprob(logprob: number): number {
  return Math.max(logprob, -9999);
}
