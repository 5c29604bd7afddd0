// A decoder without a model: what follows depends on every token before it, so that mixed up or lost tokens show.
//
// It is strict: calls must not overlap, and logits turn into NaN at the next call.

import { createRandom } from '../../src/data/random.ts';
import type { Decoder, DraftToken, SequenceTokens } from '../../src/generate/decoder/decoder.ts';
import { smallConfig } from '../model/small-model.ts';

export interface FakeOptions {
  readonly slots?: number;
  readonly capacity?: number;
  readonly vocabSize?: number;
  /** Null: it cannot draft. Otherwise the noise on its drafts' logits: 0 is always right. */
  readonly draftNoise?: number | null;
  /** A call that contains this token fails. */
  readonly poison?: number;
}

/** The fake model: logits [V] after a text. */
export function logitsAfter(text: readonly number[], vocabSize: number): Float32Array {
  const { next } = createRandom(...text);
  return Float32Array.from({ length: vocabSize }, () => 5 * next());
}

export class FakeDecoder implements Decoder {
  readonly config;
  readonly slots: number;
  readonly capacity: number;
  readonly canDraft: boolean;
  readonly cacheBytes = 0;
  /** The inputs of every call so far. */
  readonly forwards: (readonly SequenceTokens[])[] = [];
  readonly texts: number[][];
  isDisposed = false;
  readonly #draftNoise: number;
  readonly #poison: number;
  readonly #drafted: number[][];
  #lent: Float32Array[] = [];
  #isBusy = false;

  constructor({ slots = 1, capacity = 64, vocabSize = 37, draftNoise = null, poison = -1 }: FakeOptions = {}) {
    this.config = { ...smallConfig, vocabSize };
    this.slots = slots;
    this.capacity = capacity;
    this.canDraft = draftNoise !== null;
    this.texts = Array.from({ length: slots }, () => []);
    this.#drafted = this.texts.map(() => []);
    this.#draftNoise = draftNoise ?? 0;
    this.#poison = poison;
  }

  length(slot: number): number {
    return this.texts[slot]!.length;
  }

  forward(inputs: readonly SequenceTokens[]): Promise<readonly Float32Array[]> {
    this.forwards.push(inputs);
    return this.#call(inputs, ({ slot, tokens, logits }) => {
      this.#drafted[slot] = [];
      if (tokens.length === 0 || this.length(slot) + tokens.length > this.capacity) throw new Error('fake: capacity');
      const rows = tokens.map((token) => {
        this.texts[slot]!.push(token);
        if (token === this.#poison) throw new Error(`poisoned by ${token}`);
        return logitsAfter(this.texts[slot]!, this.config.vocabSize);
      });
      return logits === 'last' ? rows.at(-1)! : Float32Array.from(rows.flatMap((row) => [...row]));
    });
  }

  draw(): Promise<never> {
    throw new Error('fake: draws nothing');
  }

  greedy(): Promise<null> {
    return Promise.resolve(null);
  }

  draft(inputs: readonly DraftToken[]): Promise<readonly Float32Array[]> {
    return this.#call(inputs, ({ slot, token }) => {
      this.#drafted[slot]!.push(token);
      const text = [...this.texts[slot]!, ...this.#drafted[slot]!];
      const { next } = createRandom('draft', ...text);
      return logitsAfter(text, this.config.vocabSize).map((logit) => logit + this.#draftNoise * next());
    });
  }

  truncate(slot: number, length: number): void {
    if (length > this.length(slot)) throw new Error('fake: truncated to more than there is');
    this.texts[slot]!.length = length;
    this.#drafted[slot] = [];
  }

  copy(from: number, to: number): void {
    this.texts[to] = [...this.texts[from]!];
  }

  dispose(): void {
    this.isDisposed = true;
  }

  async #call<Input>(inputs: readonly Input[], run: (input: Input) => Float32Array): Promise<readonly Float32Array[]> {
    if (this.#isBusy || this.isDisposed) throw new Error('fake: calls overlap, or come after the end');
    this.#isBusy = true;
    try {
      for (const lent of this.#lent) lent.fill(Number.NaN);
      await Promise.resolve();
      this.#lent = inputs.map(run);
      return this.#lent;
    } finally {
      this.#isBusy = false;
    }
  }
}
