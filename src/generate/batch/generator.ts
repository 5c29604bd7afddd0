// The interface of what continues prompts: requests in, tokens out, many at once over the slots of one decoder.

import type { SamplingOptions } from '../sampling/sampling.ts';

/** One prompt to be continued. */
export interface GenerationRequest {
  /** Tokens to continue, at least one; a begin-of-document token is the caller's to add. */
  readonly promptIds: readonly number[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  /** Texts that end the generation; they are not part of the result. */
  readonly stop: readonly string[];
  /** How many of the most likely tokens are reported beside each token chosen; null reports no probabilities. */
  readonly topLogprobs: number | null;
  /**
   * Whether the tokens of the prompt are reported as well, with their probabilities, before the first token; absent:
   * they are not. `maxNewTokens` may be 0 then, and a token that ends the text is reported like any other.
   */
  readonly scoresPrompt?: boolean;
  /** Ends the generation when it is aborted; its slot is free again after the step that runs. */
  readonly signal?: AbortSignal;
}

export interface TokenLogprob {
  readonly id: number;
  /** Natural logarithm of the token's probability under the model, before temperature and filters. */
  readonly logprob: number;
}

/** A token, as soon as it is chosen. The end-of-sequence token is not among them: it only ends the generation. */
export interface GeneratedToken {
  readonly id: number;
  /**
   * The text that is certain now: whole characters, and nothing that may still turn out to be a stop string. It may be
   * empty, and the texts of all tokens and of the end together are the text of the result.
   */
  readonly text: string;
  /**
   * What the MTP module had drafted in its place: the token itself, if the draft was kept, or another one, which was
   * refused; null where nothing was drafted.
   */
  readonly draft: number | null;
  /** Null unless the request asked for probabilities. */
  readonly logprob: number | null;
  /** The most likely tokens, best first; empty unless asked for. */
  readonly topLogprobs: readonly TokenLogprob[];
}

/** What a generation cost. */
export interface GenerationStatistics {
  /** Tokens chosen, without the end-of-sequence token. */
  readonly newTokens: number;
  /**
   * Passes of the main model that tokens were chosen from: the end of the prefill, and one for each decoding step.
   * Without speculation that is one for each token, the end-of-sequence token included.
   */
  readonly forwardPasses: number;
  /** Tokens that the MTP module proposed, and how many of them were kept. */
  readonly drafted: number;
  readonly accepted: number;
  /** Seconds from the first pass over the prompt to the first token. */
  readonly prefillSeconds: number;
  /** Seconds from the first token to the end. */
  readonly decodeSeconds: number;
}

export interface GenerationEnd {
  /** `stop`: an end-of-sequence token or a stop string; `length`: `maxNewTokens` or the context is used up. */
  readonly finishReason: 'stop' | 'length' | 'aborted';
  /** The text that was held back until the end. */
  readonly text: string;
  readonly statistics: GenerationStatistics;
}

/** A token of the prompt, given those before it. */
export interface ScoredToken {
  readonly id: number;
  /** Natural logarithm of its probability under the model; null for the first token. */
  readonly logprob: number | null;
  /** The most likely tokens in its place, best first; empty for the first token. */
  readonly topLogprobs: readonly TokenLogprob[];
}

export type GenerationEvent =
  | { readonly type: 'prompt'; readonly text: ''; readonly tokens: readonly ScoredToken[] }
  | ({ readonly type: 'token' } & GeneratedToken)
  | ({ readonly type: 'end' } & GenerationEnd);

/**
 * Continues prompts, as many at once as its decoder has slots; the others wait in order of arrival. Prompts that are
 * equal and start together, as `n` samples of one prompt do, are read once.
 */
export interface Generator {
  /**
   * Queues a prompt. The events end with one of type `end`; leaving the loop over them early aborts the generation.
   *
   * @throws UserError (from the first `next`) when the prompt is empty, has ids out of range, or leaves no room for a
   * token.
   */
  submit(request: GenerationRequest): AsyncIterable<GenerationEvent>;
  /** How many requests are running, and how many are waiting. */
  readonly load: { readonly running: number; readonly waiting: number };
  /** Aborts everything and frees the decoder. */
  dispose(): Promise<void>;
}
