/** What one client, or all of them together, may use. */
export interface ServeLimits {
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number;
  /** Tokens of one choice; a request for more gets this many. */
  readonly maxTokens: number;
  /** Choices of one request: prompts times `n`. */
  readonly maxChoices: number;
  /** Choices that wait for a slot, of all requests together. */
  readonly maxQueue: number;
  /** Open connections; one more is closed at once. */
  readonly maxConnections: number;
  /** Seconds to send a whole request in. */
  readonly requestSeconds: number;
  /** Seconds an answer may take, waiting included. */
  readonly answerSeconds: number;
  /** Seconds a client may take nothing of an answer that is ready for it. */
  readonly stallSeconds: number;
}

export const defaultLimits: ServeLimits = {
  maxBodyBytes: 1_000_000,
  maxTokens: 4096,
  maxChoices: 128,
  maxQueue: 256,
  maxConnections: 256,
  requestSeconds: 30,
  answerSeconds: 300,
  stallSeconds: 30,
};
