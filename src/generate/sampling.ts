// How the next token is chosen from its logits.

export interface SamplingOptions {
  /** 0 takes the most likely token every time. */
  readonly temperature: number;
  /** Choose among this many of the most likely tokens; 0 means all. */
  readonly topK: number;
  /** Choose among the most likely tokens that together have at least this probability; 1 means all. */
  readonly topP: number;
  /** Choose among tokens at least this many times as likely as the best; 0 means all. */
  readonly minP: number;
  /** Divides positive logits, and multiplies negative ones, of tokens that the text has already; 1 changes nothing. */
  readonly repetitionPenalty: number;
  /** Same seed, same model, same prompt: same text, whatever else runs beside it. */
  readonly seed: number;
}
