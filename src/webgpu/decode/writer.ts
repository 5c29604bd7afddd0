// Several tokens in one command buffer: the GPU chooses each and goes on with it, and the host reads them together.
// Shape legend: N texts, V vocabSize, d drafts of a round.

import type { WebGpuBackend } from '../backend.ts';
import type { Place } from '../slabs.ts';
import { choiceWidth, draftProgram, mostTokens, outputAt, settleProgram } from './choose.ts';
import { DispatchLists, runOnPlaces } from './lists.ts';
import type { DecodePass, PassShape } from './pass.ts';
import { rowWords } from './rows.ts';

/** A text that is to be continued. */
export interface GpuText {
  readonly slot: number;
  /** Tokens that have run; the last of `recent` comes next. */
  readonly length: number;
  /** The last tokens, the one that is chosen but has not run included. */
  readonly recent: readonly number[];
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** Random numbers for the tokens to come, by purpose; none at temperature 0. */
  readonly random: readonly [draw: readonly number[], draft: readonly number[], keep: readonly number[]];
}

/** What one pass of the main model gave. */
export interface GpuRound {
  readonly drafts: readonly number[];
  /** Drafts as far as they were kept, and one token more. A token of 2^32 - 1 means that logits were not numbers. */
  readonly tokens: readonly number[];
}

/** What a writer is made for. */
interface WriterSizes {
  readonly vocabSize: number;
  /** Most texts at once. */
  readonly texts: number;
  /** Drafts of a round. */
  readonly drafts: number;
  /** Whether the main model's hidden states are kept, for drafts now or later. */
  readonly keepsHidden: boolean;
}

/** A random number as a float32 below 1. */
const below1 = (x: number) => Math.floor(x * 2 ** 24) / 2 ** 24;

/** Writes with a fixed number of drafts in each round. */
export class TokenWriter {
  /** Most texts at once. */
  readonly texts: number;
  readonly #backend: WebGpuBackend;
  readonly #pass: DecodePass;
  readonly #lists: DispatchLists;
  readonly #sizes: WriterSizes;
  readonly #drafts: number;
  readonly #places: Readonly<Record<keyof ReturnType<typeof widths>, Place>>;

  constructor(backend: WebGpuBackend, pass: DecodePass, sizes: WriterSizes) {
    const { vocabSize, texts, drafts } = sizes;
    this.texts = texts;
    this.#backend = backend;
    this.#pass = pass;
    this.#lists = new DispatchLists(backend);
    this.#sizes = sizes;
    this.#drafts = drafts;
    const places = Object.entries(widths(vocabSize, drafts)).map(([name, width]) => {
      return [name, backend.places.allocate(4 * texts * width)];
    });
    this.#places = Object.fromEntries(places);
  }

  /** Continues texts by `rounds` rounds; their cache must have room. At most `mostTokens` tokens each. */
  async write(texts: readonly GpuText[], rounds: number): Promise<GpuRound[][]> {
    if (rounds * (this.#drafts + 1) > mostTokens) throw new Error('internal: more tokens than a writer has room for');
    this.#fill(texts);
    const draws = texts.some(({ temperature }) => temperature > 0);
    for (let round = 0; round < rounds; round++) this.#round(texts.length, draws);
    const { width } = outputAt(this.#drafts);
    const bytes = 4 * texts.length * width;
    const words = new Uint32Array(await this.#backend.readPlace({ ...this.#places.outputs, bytes }));
    return texts.map((_, i) => this.#roundsOf(words.subarray(i * width, (i + 1) * width), rounds));
  }

  dispose(): void {
    for (const place of Object.values(this.#places)) this.#backend.places.free(place);
  }

  #round(texts: number, draws: boolean): void {
    const { logits, draftLogits, choice, outputs, table, mtpTable, nextTable } = this.#places;
    const { vocabSize: V, drafts: d, keepsHidden } = this.#sizes;
    const shape = (name: string, rows: number, own: Partial<PassShape>): PassShape => ({
      ...{ purpose: `${name} ${d}`, rows, firstRead: 0, keepsHidden, wanted: rows, logitsOffset: 0 },
      ...{ table, logits, wantedTable: this.#places.allWanted },
      ...own,
    });
    for (let ahead = 0; ahead < d; ahead++) {
      // The last draft's hidden state is read by nobody.
      const drafting = { logits: draftLogits, keepsHidden: ahead < d - 1 };
      if (ahead === 0) {
        const own = { ...drafting, wanted: texts, table: mtpTable, wantedTable: this.#places.mtpWanted };
        this.#pass.mtp(shape('draft', texts * (d + 1), own));
      } else {
        this.#pass.mtp(shape('next draft', texts, { ...drafting, table: nextTable, logitsOffset: ahead * texts }));
      }
      this.#lists.run(`draft ${ahead} ${texts} ${draws}`, () => {
        const places = { draftLogits, choice, outputs, table, nextTable };
        runOnPlaces(this.#backend, draftProgram(V, d, draws), places, { ahead }, texts);
      });
    }
    this.#pass.main(shape('write', texts * (d + 1), {}));
    this.#lists.run(`settle ${texts} ${draws}`, () => {
      const places = { logits, choice, outputs, table, ...(d > 0 ? { draftLogits, mtpTable } : {}) };
      runOnPlaces(this.#backend, settleProgram(V, d, draws), places, {}, texts);
    });
  }

  #fill(texts: readonly GpuText[]): void {
    const d = this.#drafts;
    const { width, context } = outputAt(d);
    const rows = texts.length * (d + 1);
    const outputs = new Uint32Array(texts.length * width);
    const choice = new Float32Array(texts.length * choiceWidth);
    const [table, mtpTable] = [new Uint32Array(rows * rowWords), new Uint32Array(rows * rowWords)];
    const nextTable = new Uint32Array(texts.length * rowWords);
    for (const [i, { slot, length, recent, temperature, topK, topP, minP, random }] of texts.entries()) {
      const known = recent.slice(-(d + 1));
      outputs.set(known, i * width + context + d + 1 - known.length);
      choice.set([temperature, topK, topP, minP], i * choiceWidth);
      for (const [purpose, numbers] of random.entries()) {
        choice.set(numbers.map(below1), i * choiceWidth + 4 + purpose * mostTokens);
      }
      nextTable.set([0, 0, slot, 1], i * rowWords);
      for (let j = 0; j <= d; j++) {
        const row = (i * (d + 1) + j) * rowWords;
        table.set([recent.at(-1)!, length, slot, 1], row);
        // The module runs the last d + 1 positions; before the first token there is none.
        const k = Math.max(j, d + 1 - length);
        mtpTable.set([outputs[i * width + context + k]!, length - 1 - d + k, slot, Number(j === d)], row);
      }
    }
    const { places, commands } = this.#backend;
    // The host writes at once, so commands that read what was there before must have been submitted.
    commands.submit();
    places.write(this.#places.outputs, outputs);
    places.write(this.#places.choice, choice);
    places.write(this.#places.table, table);
    places.write(
      this.#places.allWanted,
      Uint32Array.from({ length: rows }, (_, i) => i),
    );
    if (d === 0) return;
    places.write(this.#places.mtpTable, mtpTable);
    places.write(this.#places.nextTable, nextTable);
    places.write(
      this.#places.mtpWanted,
      Uint32Array.from(texts, (_, i) => i * (d + 1) + d),
    );
  }

  #roundsOf(words: Uint32Array, count: number): GpuRound[] {
    const { tokens, rounds, roundWidth } = outputAt(this.#drafts);
    let start = tokens;
    return Array.from({ length: count }, (_, round) => {
      const own = rounds + round * roundWidth;
      const kept = this.#drafts === 0 ? 1 : words[own]!;
      const result = {
        tokens: [...words.subarray(start, start + kept)],
        drafts: [...words.subarray(own + 1, own + roundWidth)],
      };
      start += kept;
      return result;
    });
  }
}

/** Numbers that a text has in each place. */
function widths(V: number, d: number) {
  return {
    table: (d + 1) * rowWords,
    mtpTable: (d + 1) * rowWords,
    nextTable: rowWords,
    allWanted: d + 1,
    mtpWanted: 1,
    choice: choiceWidth,
    outputs: outputAt(d).width,
    logits: (d + 1) * V,
    draftLogits: Math.max(1, d) * V,
  };
}
