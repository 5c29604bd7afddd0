// The passes of a decoder on the GPU: the latents of all sequences stay there, and the host reads logits, or only the
// tokens that the GPU has chosen itself.
//
// Every row is computed alone, by the same programs however many rows there are, so it gets the same bits whatever runs
// beside it and however its sequence was cut into passes.
// Shape legend: V vocabSize.

import type { WebGpuBackend } from '../backend.ts';
import type { Place } from '../slabs.ts';
import { DecodeCache } from './cache.ts';
import { canChoose, mostTokens } from './choose.ts';
import { type DecodedModel, ModelPlaces } from './model.ts';
import { DecodePass } from './pass.ts';
import { type AttentionConstants, programsOf } from './programs.ts';
import { rowWords } from './rows.ts';
import { type GpuRound, type GpuText, TokenWriter } from './writer.ts';

/** One token of a pass. The rows of a sequence are consecutive and their positions ascend by one. */
export interface DecodeRow {
  readonly slot: number;
  readonly position: number;
  readonly token: number;
  /** Whether the logits after it are wanted. */
  readonly logits: boolean;
}

export interface DecodeOptions {
  readonly slots: number;
  readonly capacity: number;
  readonly drafts: boolean;
}

/** Most rows of a pass: longer prompts take several. */
const rowsOfPass = 256;
/** Bytes of the logits of a pass, but for one row of more. */
const logitsBytes = 2 ** 24;

/** Longer lists have a multiple of this, so that prompts of every length need few shapes of passes. */
const padding = 16;

/** A list with its last number repeated: a row that is computed twice gets the same bits twice. */
function padded(numbers: readonly number[], most: number): number[] {
  const { length } = numbers;
  const wide = length <= padding ? length : Math.min(most, Math.ceil(length / padding) * padding);
  return Array.from({ length: wide }, (_, i) => numbers[Math.min(i, length - 1)]!);
}

/** Passes of one model. The weights may not change meanwhile. */
export class GpuPasses {
  readonly #backend: WebGpuBackend;
  readonly #drafts: boolean;
  readonly #vocabSize: number;
  readonly #mostRows: number;
  readonly #model: ModelPlaces;
  readonly #cache: DecodeCache;
  readonly #pass: DecodePass;
  readonly #table: Place;
  readonly #wanted: Place;
  /** Chooses tokens on the GPU, and goes on with them in one command buffer. */
  readonly writer = {
    most: mostTokens,
    canChoose: (filters: Parameters<typeof canChoose>[1]): boolean => canChoose(this.#vocabSize, filters),
    write: (texts: readonly GpuText[], rounds: number, drafts: number): Promise<GpuRound[][]> =>
      this.#continue(texts, rounds, drafts),
  };
  /** By the number of drafts in a round. */
  readonly #writers = new Map<number, TokenWriter>();
  readonly #slots: number;
  #logits: Place | null = null;

  constructor(backend: WebGpuBackend, model: DecodedModel, options: DecodeOptions, attention: AttentionConstants) {
    const { slots, capacity, drafts } = options;
    const { numHiddenLayers, hiddenSize, vocabSize, kvLoraRank, qkRopeHeadDim } = model.config;
    this.#backend = backend;
    this.#drafts = drafts;
    this.#slots = slots;
    this.#vocabSize = vocabSize;
    this.#mostRows = Math.min(rowsOfPass, slots * capacity, Math.max(1, Math.floor(logitsBytes / (4 * vocabSize))));
    this.#model = new ModelPlaces(backend, model, drafts);
    const programs = programsOf(model.config, attention);
    const layers = numHiddenLayers + Number(drafts);
    const width = kvLoraRank + qkRopeHeadDim;
    this.#cache = new DecodeCache(backend, slots, capacity, layers, width, drafts ? hiddenSize : 0);
    this.#pass = new DecodePass(backend, this.#model, programs, this.#cache, numHiddenLayers, this.#mostRows);
    this.#table = backend.places.allocate(4 * rowWords * this.#mostRows);
    this.#wanted = backend.places.allocate(4 * this.#mostRows);
  }

  /** Runs the main model, and returns the logits of the rows that want them [rows, V]. */
  main(rows: readonly DecodeRow[]): Promise<Float32Array> {
    this.#reserve(Math.max(...rows.map(({ position }) => position)) + 1);
    return this.#run('main', rows, () => this.#drafts);
  }

  /** Runs the first MTP module; the output of the last row of each sequence becomes the next hidden state. */
  mtp(rows: readonly DecodeRow[]): Promise<Float32Array> {
    this.#reserve(Math.max(...rows.map(({ position }) => position)) + 2);
    return this.#run('mtp', rows, (i) => rows[i + 1]?.slot !== rows[i]!.slot);
  }

  /** Hidden states are kept until their position is written again. */
  forgetHidden(): void {}

  /** Sequences share their memory, which is given back with the decoder. */
  clear(): void {}

  copy(from: number, to: number, length: number): void {
    this.#cache.copy(from, to, length);
  }

  dispose(): void {
    for (const writer of this.#writers.values()) writer.dispose();
    this.#pass.dispose();
    this.#cache.dispose();
    this.#model.dispose();
    for (const place of [this.#table, this.#wanted, this.#logits]) if (place !== null) this.#backend.places.free(place);
  }

  #continue(texts: readonly GpuText[], rounds: number, drafts: number): Promise<GpuRound[][]> {
    this.#reserve(Math.max(...texts.map(({ length }) => length)) + rounds * (drafts + 1) + 1);
    const writer = this.#writerOf(texts.length, drafts);
    return writer.write(texts, rounds);
  }

  /** The writer of so many drafts; one that has too little room for these texts is replaced. */
  #writerOf(texts: number, drafts: number): TokenWriter {
    const known = this.#writers.get(drafts);
    if (known !== undefined && texts <= known.texts) return known;
    known?.dispose();
    this.#pass.forget();
    const room = Math.min(this.#slots, 2 ** Math.ceil(Math.log2(texts)));
    const sizes = { vocabSize: this.#vocabSize, texts: room, drafts, keepsHidden: this.#drafts };
    const writer = new TokenWriter(this.#backend, this.#pass, sizes);
    this.#writers.set(drafts, writer);
    return writer;
  }

  #reserve(end: number): void {
    if (this.#cache.reserve(end)) this.#pass.forget();
  }

  async #run(kind: 'main' | 'mtp', rows: readonly DecodeRow[], keeps: (row: number) => boolean): Promise<Float32Array> {
    const wanted = rows.reduce((count, { logits }) => count + Number(logits), 0);
    const result = new Float32Array(wanted * this.#vocabSize);
    let done = 0;
    for (let start = 0; start < rows.length; start += this.#mostRows) {
      const part = rows.slice(start, start + this.#mostRows);
      const count = this.#start(kind, part, (i) => keeps(start + i));
      if (count === 0) continue;
      const bytes = 4 * count * this.#vocabSize;
      const values = await this.#backend.readPlace({ ...this.#logits!, bytes });
      result.set(new Float32Array(values), done);
      done += count * this.#vocabSize;
    }
    return result;
  }

  /** Gives a pass to the GPU, and returns how many rows want their logits. */
  #start(kind: 'main' | 'mtp', rows: readonly DecodeRow[], keeps: (row: number) => boolean): number {
    const count = rows.filter(({ logits }) => logits).length;
    const wanted = padded(
      [...rows.keys()].filter((i) => rows[i]!.logits),
      this.#mostRows,
    );
    const firstRead = rows.findIndex((row, i) => row.logits || keeps(i));
    const all = padded([...rows.keys()], this.#mostRows);
    this.#reserveLogits(wanted.length);
    const table = all.flatMap((i) => [rows[i]!.token, rows[i]!.position, rows[i]!.slot, Number(keeps(i))]);
    this.#write(this.#table, Uint32Array.from(table));
    this.#write(this.#wanted, Uint32Array.from(wanted));
    this.#pass[kind]({
      purpose: 'logits',
      rows: all.length,
      firstRead: firstRead === -1 ? all.length : firstRead - (firstRead % padding),
      keepsHidden: this.#drafts,
      wanted: wanted.length,
      table: this.#table,
      wantedTable: this.#wanted,
      logits: this.#logits!,
      logitsOffset: 0,
    });
    return count;
  }

  /** The host writes at once, so commands that read what was there before must have been submitted. */
  #write(place: Place, words: Uint32Array<ArrayBuffer>): void {
    const { commands, places } = this.#backend;
    commands.submit();
    places.write(place, words);
  }

  #reserveLogits(rows: number): void {
    const bytes = 4 * Math.max(1, rows) * this.#vocabSize;
    if (this.#logits !== null && bytes <= this.#logits.bytes) return;
    if (this.#logits !== null) this.#backend.places.free(this.#logits);
    this.#logits = this.#backend.places.allocate(bytes);
    this.#pass.forget();
  }
}
