// Greedy decoding by the engine's kernel, many tokens in one call.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { decodeGreedy } from '../../engine/decode-layout.ts';
import { fieldsOf, type RecordOf, wordsOf, writeRecords } from '../../engine/layout.ts';
import { notNumbers } from '../sampling/token-distribution.ts';
import { EngineBlocks, integersAt, wordsAt } from './engine-blocks.ts';
import type { GreedyTokens } from './passes.ts';

type Start = Omit<RecordOf<typeof decodeGreedy>, 'tokens' | 'drafts'>;

const words = wordsOf(decodeGreedy);
const field = fieldsOf(decodeGreedy);

export class EngineGreedy {
  readonly #backend: EngineBackend;
  readonly #blocks: EngineBlocks;
  /** A record, and behind it tokens and drafts. */
  #address: Address = nowhere;
  #room = 0;

  constructor(backend: EngineBackend) {
    this.#backend = backend;
    this.#blocks = new EngineBlocks(backend);
  }

  /** @throws {UserError} when logits are not numbers. */
  run(start: Start): GreedyTokens & { readonly mtpLength: number } {
    const { count } = start;
    this.#reserve(count);
    const tokens = plus(this.#address, 4 * words);
    const drafts = plus(tokens, 4 * count);
    writeRecords(wordsAt(this.#backend, this.#address, words), decodeGreedy, [{ ...start, tokens, drafts }]);
    const made = this.#backend.exports.decodeGreedy(this.#address);
    if (made < 0) throw notNumbers();
    return {
      ids: integersAt(this.#backend, tokens, made).slice(),
      drafts: integersAt(this.#backend, drafts, made).slice(),
      mtpLength: integersAt(this.#backend, this.#address, words)[field.mtpLength]!,
    };
  }

  free(): void {
    this.#blocks.free();
    this.#room = 0;
  }

  #reserve(count: number): void {
    if (count <= this.#room) return;
    this.free();
    this.#address = this.#blocks.take(words + 2 * count);
    this.#room = count;
  }
}
