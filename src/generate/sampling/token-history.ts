// The tokens a text has so far, for the repetition penalty.

/** A multiset of tokens with the order of their arrival. */
export class TokenHistory {
  readonly #counts: Uint32Array;
  /** Each token once, in the order of their first arrival. */
  readonly #distinct: number[] = [];
  readonly #penalised: Float32Array;

  constructor(vocabSize: number, ids: readonly number[]) {
    this.#counts = new Uint32Array(vocabSize);
    this.#penalised = new Float32Array(vocabSize);
    for (const id of ids) this.push(id);
  }

  push(id: number): void {
    if (this.#counts[id] === 0) this.#distinct.push(id);
    this.#counts[id]!++;
  }

  /** Takes back the token pushed last. */
  pop(id: number): void {
    this.#counts[id]!--;
    if (this.#counts[id] === 0) this.#distinct.pop();
  }

  /**
   * The logits with those of the tokens here divided by `penalty` where positive, and multiplied where negative
   * (arXiv:1909.05858 section 4.1; transformers, RepetitionPenaltyLogitsProcessor). Valid until the next call.
   */
  penalise(logits: Float32Array, penalty: number): Float32Array {
    const result = this.#penalised;
    result.set(logits);
    for (const id of this.#distinct) result[id] = logits[id]! > 0 ? logits[id]! / penalty : logits[id]! * penalty;
    return result;
  }
}
