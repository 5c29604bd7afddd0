// How many passes a decoder that chooses tokens itself makes before the host looks.

/** A text should flow: so many milliseconds between two looks are not noticed, and so many are. */
const [unnoticed, noticed] = [12, 48];

/** Twice as many passes after a short wait, half as many after a long one. What is written does not depend on it. */
export class Pace {
  #rounds = 1;

  /** Passes to make now, of at most `most`. */
  next(most: number): number {
    return Math.max(1, Math.min(this.#rounds, most));
  }

  /** Notes how long so many passes took. */
  note(rounds: number, milliseconds: number, most: number): void {
    if (milliseconds > noticed) this.#rounds = Math.max(1, Math.floor(rounds / 2));
    else if (milliseconds < unnoticed && rounds === this.#rounds) this.#rounds = Math.min(most, 2 * rounds);
  }
}
