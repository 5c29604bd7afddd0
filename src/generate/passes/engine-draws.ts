// Tokens drawn by the engine's kernel, from the logits that a pass left in its memory.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { EngineBlocks } from './engine-blocks.ts';
import type { DrawnTokens, Draws } from './passes.ts';

/** 32-bit words of a draw: quantile and probability of 64 bits, row and token of 32. */
const wordsOfDraw = 6;

export class EngineDraws {
  readonly #backend: EngineBackend;
  readonly #vocabSize: number;
  readonly #blocks: EngineBlocks;
  #address: Address = nowhere;
  #room = 0;

  constructor(backend: EngineBackend, vocabSize: number) {
    this.#backend = backend;
    this.#vocabSize = vocabSize;
    this.#blocks = new EngineBlocks(backend);
  }

  /** As `drawTokens`; where logits are not numbers, the probability is NaN. */
  draw(logits: Address, { rows, quantiles }: Draws, temperature: number): DrawnTokens {
    const { heap, exports } = this.#backend;
    const count = rows.length;
    this.#reserve(count);
    // Numbers of 64 bits first: each must begin at a multiple of their size.
    const quantilesAt = this.#address;
    const probabilitiesAt = plus(quantilesAt, 8 * count);
    const rowsAt = plus(probabilitiesAt, 8 * count);
    const idsAt = plus(rowsAt, 4 * count);
    const { buffer } = heap.memory;
    new Float64Array(buffer, quantilesAt, count).set(quantiles);
    new Int32Array(buffer, rowsAt, count).set(rows);
    const [isGreedy, divisor] = [temperature === 0, temperature === 0 ? 1 : temperature];
    const places = [rowsAt, quantilesAt, idsAt, probabilitiesAt] as const;
    exports.drawTokens(logits, this.#vocabSize, divisor, isGreedy, ...places, count);
    return {
      ids: new Int32Array(buffer, idsAt, count).slice(),
      probabilities: new Float64Array(buffer, probabilitiesAt, count).slice(),
    };
  }

  free(): void {
    this.#blocks.free();
    this.#room = 0;
  }

  #reserve(count: number): void {
    if (count <= this.#room) return;
    this.free();
    this.#address = this.#blocks.take(wordsOfDraw * count);
    this.#room = count;
  }
}
