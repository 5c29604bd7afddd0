// Prompts that are being read, in order of arrival and in pieces, so that a long prompt does not hold up the texts that
// are being generated.

import type { SequenceTokens } from '../decoder/decoder.ts';
import type { Generation } from './generation.ts';

/**
 * Tokens of prompts in one pass, and the longest piece of one. A fixed number, so that the pieces of a prompt, and with
 * them the last bits of its latents, do not depend on what runs beside it.
 */
const pieceSize = 256;

/** A prompt, and the generations that begin with it. */
export interface Prefill {
  readonly promptIds: readonly number[];
  /** Which logits are needed: all, to score the prompt, or the last. */
  readonly logits: 'all' | 'last';
  /** The generations that begin with the prompt; it is read in the slot of the first of them. */
  members: readonly Generation[];
  done: number;
}

/** A prefill and the piece of it that is next. */
export interface PrefillPiece {
  readonly prefill: Prefill;
  readonly input: SequenceTokens;
}

export class PrefillQueue {
  #prefills: readonly Prefill[] = [];

  get isEmpty(): boolean {
    return this.#prefills.length === 0;
  }

  get generations(): readonly Generation[] {
    return this.#prefills.flatMap(({ members }) => members);
  }

  /**
   * Adds a generation. If its prompt is being read already, it shares that prefill, and its slot gets a copy in the
   * end.
   */
  add(generation: Generation): void {
    const { promptIds, scoresPrompt = false } = generation.request;
    const logits = scoresPrompt ? 'all' : 'last';
    const isSame = (prefill: Prefill) =>
      prefill.done === 0 && prefill.logits === logits && areEqual(prefill.promptIds, promptIds);
    const same = this.#prefills.find(isSame);
    if (same !== undefined) same.members = [...same.members, generation];
    else this.#prefills = [...this.#prefills, { promptIds, logits, members: [generation], done: 0 }];
  }

  /**
   * Removes a generation. If others share its prefill, `copy` moves what was read so far to the slot of the next one.
   */
  remove(generation: Generation, copy: (from: number, to: number) => void): void {
    for (const prefill of this.#prefills) {
      if (!prefill.members.includes(generation)) continue;
      const [first, second] = prefill.members;
      if (first === generation && second !== undefined && prefill.done > 0) copy(first.slot, second.slot);
      prefill.members = prefill.members.filter((member) => member !== generation);
    }
    this.#prefills = this.#prefills.filter(({ members }) => members.length > 0);
  }

  /** The pieces of the next pass; the first prompt is always among them. */
  nextPieces(): PrefillPiece[] {
    const pieces: PrefillPiece[] = [];
    let tokens = 0;
    for (const prefill of this.#prefills) {
      const piece = prefill.promptIds.slice(prefill.done, prefill.done + pieceSize);
      tokens += piece.length;
      if (pieces.length > 0 && tokens > pieceSize) break;
      pieces.push({ prefill, input: { slot: prefill.members[0]!.slot, tokens: piece, logits: prefill.logits } });
    }
    return pieces;
  }

  /** Records that a piece was read. Returns whether it was the last one; if so, the prefill has left the queue. */
  finishPiece({ prefill, input }: PrefillPiece): boolean {
    prefill.done += input.tokens.length;
    if (prefill.done < prefill.promptIds.length) return false;
    this.drop(prefill);
    return true;
  }

  drop(prefill: Prefill): void {
    this.#prefills = this.#prefills.filter((other) => other !== prefill);
  }
}

function areEqual(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((id, i) => id === b[i]));
}
