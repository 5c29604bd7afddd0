// Passes by the engine's own kernels: one call for all layers, without a tape or tensors. Memory is allocated only when
// a sequence grows. Every row is computed alone, so it gets the same bits whatever runs beside it.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { decodeRow } from '../../engine/decode-layout.ts';
import { type RecordOf, wordsOf, writeRecords } from '../../engine/layout.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { DecoderOptions } from '../decoder/decoder.ts';
import { EngineBlocks, floatsAt, wordsAt } from './engine-blocks.ts';
import { type EngineModel, writeEngineModel } from './engine-model.ts';
import { EngineSequence } from './engine-sequence.ts';
import type { Passes, PassRow } from './passes.ts';

/** Most rows of a pass: longer prompts take several passes. More rows would save little and need more memory. */
const rowsOfPass = 64;

/** Where a row reads and writes hidden states. */
type HiddenPlaces = Pick<RecordOf<typeof decodeRow>, 'hiddenIn' | 'hiddenOut'>;

export class EnginePasses implements Passes {
  readonly #backend: EngineBackend;
  readonly #vocabSize: number;
  readonly #drafts: boolean;
  readonly #blocks: EngineBlocks;
  readonly #model: EngineModel;
  readonly #rows: Address;
  readonly #sequences: readonly EngineSequence[];
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
    this.#rows = this.#blocks.take(rowsOfPass * wordsOf(decodeRow));
    const layers = numHiddenLayers + Number(drafts);
    const width = kvLoraRank + qkRopeHeadDim;
    this.#sequences = Array.from(
      { length: slots },
      () => new EngineSequence(backend, layers, width, hiddenSize, capacity),
    );
  }

  async main(rows: readonly PassRow[]): Promise<Float32Array> {
    for (const { slot, position } of lastOfEach(rows)) this.#sequences[slot]!.reserve(position + 1);
    if (this.#drafts) {
      for (const { slot, position } of firstOfEach(rows)) this.#sequences[slot]!.reserveHidden(position, position);
      for (const { slot, position } of lastOfEach(rows)) this.#sequences[slot]!.reserveHidden(position, position + 1);
    }
    return this.#run('decodeMain', this.#model.main, rows, ({ slot, position }) => {
      return { hiddenIn: nowhere, hiddenOut: this.#drafts ? this.#sequences[slot]!.hiddenAt(position) : nowhere };
    });
  }

  async mtp(rows: readonly PassRow[]): Promise<Float32Array> {
    const last = lastOfEach(rows);
    for (const { slot, position } of last) {
      this.#sequences[slot]!.reserve(position + 1);
      this.#sequences[slot]!.reserveHidden(position, position + 2);
    }
    return this.#run('decodeMtp', this.#model.draft, rows, (row) => {
      const sequence = this.#sequences[row.slot]!;
      const hiddenOut = last.includes(row) ? sequence.hiddenAt(row.position + 1) : nowhere;
      return { hiddenIn: sequence.hiddenAt(row.position), hiddenOut };
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
  }

  #run(
    kernel: 'decodeMain' | 'decodeMtp',
    model: Address,
    rows: readonly PassRow[],
    hidden: (row: PassRow) => HiddenPlaces,
  ): Float32Array {
    const wanted = rows.reduce((count, { logits }) => count + Number(logits), 0);
    this.#reserveLogits(wanted);
    let done = 0;
    for (let start = 0; start < rows.length; start += rowsOfPass) {
      const part = rows.slice(start, start + rowsOfPass);
      this.#writeRows(part, hidden);
      const to = plus(this.#logitsAddress, 4 * done * this.#vocabSize);
      done += this.#backend.exports[kernel](model, this.#rows, part.length, to);
    }
    return floatsAt(this.#backend, this.#logitsAddress, wanted * this.#vocabSize);
  }

  #writeRows(rows: readonly PassRow[], hidden: (row: PassRow) => HiddenPlaces): void {
    const records = rows.map((row) => {
      const { cache, layerBytes } = this.#sequences[row.slot]!;
      const { token, position, logits: wantsLogits } = row;
      return { token, position, cache, layerBytes, ...hidden(row), wantsLogits };
    });
    writeRecords(wordsAt(this.#backend, this.#rows, rows.length * wordsOf(decodeRow)), decodeRow, records);
  }

  #reserveLogits(rows: number): void {
    if (rows <= this.#logitsRoom) return;
    this.#logits.free();
    this.#logitsAddress = this.#logits.take(rows * this.#vocabSize);
    this.#logitsRoom = rows;
  }
}

/** The last row of each sequence. */
const lastOfEach = (rows: readonly PassRow[]) => rows.filter(({ slot }, i) => rows[i + 1]?.slot !== slot);

const firstOfEach = (rows: readonly PassRow[]) => rows.filter(({ slot }, i) => rows[i - 1]?.slot !== slot);
