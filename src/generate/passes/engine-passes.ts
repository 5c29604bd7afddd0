// Passes by the engine's own kernels: one call for all layers, without a tape or tensors. Memory is allocated only when
// a sequence grows. Every row is computed alone, so it gets the same bits whatever runs beside it.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { decodeRow } from '../../engine/decode-layout.ts';
import { fieldsOf, wordsOf } from '../../engine/layout.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { DecoderOptions } from '../decoder/decoder.ts';
import { EngineBlocks, floatsAt, integersAt } from './engine-blocks.ts';
import { EngineDraws } from './engine-draws.ts';
import { type EngineModel, writeEngineModel } from './engine-model.ts';
import { EngineSequence } from './engine-sequence.ts';
import { EngineGreedy } from './engine-greedy.ts';
import type { DrawnTokens, Draws, GreedyStart, GreedyTokens, Passes, PassRow } from './passes.ts';

/** Most rows of a pass: longer prompts take several passes. More rows would save little and need more memory. */
const rowsOfPass = 128;

/** The fields of a row in words: rows are written field by field, because a pass of one token has little time for it. */
const field = fieldsOf(decodeRow);
const rowWords = wordsOf(decodeRow);

/** Where a row reads or writes a hidden state. */
type HiddenPlace = (sequence: EngineSequence, position: number, isLast: boolean) => Address;

export class EnginePasses implements Passes {
  readonly #backend: EngineBackend;
  readonly #vocabSize: number;
  readonly #drafts: boolean;
  readonly #blocks: EngineBlocks;
  readonly #model: EngineModel;
  readonly #rows: Address;
  readonly #sequences: readonly EngineSequence[];
  readonly #draws: EngineDraws;
  readonly #greedy: EngineGreedy;
  /** The block for the logits of the last pass. */
  #logits: EngineBlocks;
  #logitsAddress: Address = nowhere;
  #logitsRoom = 0;

  constructor(backend: EngineBackend, model: DeepseekV3ForCausalLM, options: Required<DecoderOptions>) {
    const { slots, capacity, drafts, weights } = options;
    const { numHiddenLayers, kvLoraRank, qkRopeHeadDim, hiddenSize, vocabSize } = model.config;
    this.#backend = backend;
    this.#vocabSize = vocabSize;
    this.#drafts = drafts;
    this.#blocks = new EngineBlocks(backend);
    this.#logits = new EngineBlocks(backend);
    try {
      this.#model = writeEngineModel(backend, model, this.#blocks, rowsOfPass, drafts, weights);
    } catch (error) {
      this.#blocks.free();
      throw error;
    }
    this.#rows = this.#blocks.take(rowsOfPass * rowWords);
    this.#draws = new EngineDraws(backend, vocabSize);
    this.#greedy = new EngineGreedy(backend);
    const layers = numHiddenLayers + Number(drafts);
    const width = kvLoraRank + qkRopeHeadDim;
    this.#sequences = Array.from(
      { length: slots },
      () => new EngineSequence(backend, layers, width, hiddenSize, capacity),
    );
  }

  async main(rows: readonly PassRow[]): Promise<Float32Array> {
    for (const [i, { slot, position }] of rows.entries()) {
      const sequence = this.#sequences[slot]!;
      if (this.#drafts && isFirst(rows, i)) sequence.reserveHidden(position, position);
      if (!isLast(rows, i)) continue;
      sequence.reserve(position + 1);
      if (this.#drafts) sequence.reserveHidden(position, position + 1);
    }
    const hiddenOut = (sequence: EngineSequence, position: number) =>
      this.#drafts ? sequence.hiddenAt(position) : nowhere;
    return this.#run('decodeMain', this.#model.main, rows, () => nowhere, hiddenOut);
  }

  async mtp(rows: readonly PassRow[]): Promise<Float32Array> {
    for (const [i, { slot, position }] of rows.entries()) {
      if (!isLast(rows, i)) continue;
      this.#sequences[slot]!.reserve(position + 1);
      this.#sequences[slot]!.reserveHidden(position, position + 2);
    }
    const hiddenIn = (sequence: EngineSequence, position: number) => sequence.hiddenAt(position);
    const hiddenOut = (sequence: EngineSequence, position: number, last: boolean) =>
      last ? sequence.hiddenAt(position + 1) : nowhere;
    return this.#run('decodeMtp', this.#model.draft, rows, hiddenIn, hiddenOut);
  }

  draw(draws: Draws, temperature: number): DrawnTokens {
    return this.#draws.draw(this.#logitsAddress, draws, temperature);
  }

  greedy({ slot, drafts, ...start }: GreedyStart): GreedyTokens & { readonly mtpLength: number } {
    const sequence = this.#sequences[slot]!;
    const end = start.position + start.count;
    sequence.reserve(end);
    if (this.#drafts) sequence.reserveHidden(start.mtpLength, end);
    this.#reserveLogits(2);
    const { cache, layerBytes } = sequence;
    const { main, draft } = this.#model;
    return this.#greedy.run({
      ...{ main, draft: drafts ? draft : nowhere, rows: this.#rows, logits: this.#logitsAddress },
      ...{ cache, layerBytes, hidden: this.#drafts ? sequence.hiddenAt(start.mtpLength) : nowhere },
      ...{ hiddenFrom: start.mtpLength, ...start },
    });
  }

  forgetHidden(slot: number, before: number): void {
    this.#sequences[slot]!.forgetHidden(before);
  }

  clear(slot: number): void {
    this.#sequences[slot]!.clear();
  }

  copy(from: number, to: number): void {
    this.#sequences[to]!.copy(this.#sequences[from]!);
  }

  dispose(): void {
    for (const sequence of this.#sequences) sequence.clear();
    this.#blocks.free();
    this.#logits.free();
    this.#draws.free();
    this.#greedy.free();
  }

  #run(
    kernel: 'decodeMain' | 'decodeMtp',
    model: Address,
    rows: readonly PassRow[],
    hiddenIn: HiddenPlace,
    hiddenOut: HiddenPlace,
  ): Float32Array {
    let wanted = 0;
    for (const { logits } of rows) if (logits) wanted++;
    this.#reserveLogits(wanted);
    let done = 0;
    for (let start = 0; start < rows.length; start += rowsOfPass) {
      const end = Math.min(rows.length, start + rowsOfPass);
      this.#writeRows(rows, start, end, hiddenIn, hiddenOut);
      const to = plus(this.#logitsAddress, 4 * done * this.#vocabSize);
      done += this.#backend.exports[kernel](model, this.#rows, end - start, to);
    }
    return floatsAt(this.#backend, this.#logitsAddress, wanted * this.#vocabSize);
  }

  /** Writes rows `start` to `end - 1` down, as `decodeRow` has their fields. */
  #writeRows(
    rows: readonly PassRow[],
    start: number,
    end: number,
    hiddenIn: HiddenPlace,
    hiddenOut: HiddenPlace,
  ): void {
    const words = integersAt(this.#backend, this.#rows, (end - start) * rowWords);
    for (let i = start, at = 0; i < end; i++, at += rowWords) {
      const { slot, token, position, logits } = rows[i]!;
      const sequence = this.#sequences[slot]!;
      const last = isLast(rows, i);
      words[at + field.token] = token;
      words[at + field.position] = position;
      words[at + field.cache] = sequence.cache;
      words[at + field.layerBytes] = sequence.layerBytes;
      words[at + field.hiddenIn] = hiddenIn(sequence, position, last);
      words[at + field.hiddenOut] = hiddenOut(sequence, position, last);
      words[at + field.wantsLogits] = Number(logits);
    }
  }

  #reserveLogits(rows: number): void {
    if (rows <= this.#logitsRoom) return;
    this.#logits.free();
    this.#logitsAddress = this.#logits.take(rows * this.#vocabSize);
    this.#logitsRoom = rows;
  }
}

/** Whether a row is the first, or the last, of its sequence in a pass. */
const isFirst = (rows: readonly PassRow[], i: number) => i === 0 || rows[i - 1]!.slot !== rows[i]!.slot;
const isLast = (rows: readonly PassRow[], i: number) => i === rows.length - 1 || rows[i + 1]!.slot !== rows[i]!.slot;
