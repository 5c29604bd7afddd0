// One pass of rows through a model, as a list of dispatches. A list is made when a pass of its shape runs first, with
// pipelines and bind groups, and given to the GPU again from then on.
//
// A layer takes seven dispatches, a dense one six.

import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import type { Place } from '../slabs.ts';
import type { DecodeCache } from './cache.ts';
import { activateGroups, activeWidth, combineGroups } from './experts.ts';
import { DispatchLists, runOnPlaces } from './lists.ts';
import type { LayerPlaces, ModelPlaces } from './model.ts';
import type { ModelPrograms } from './programs.ts';
import { rowGroups } from './row-product.ts';

/** What a pass computes. */
export interface PassShape {
  /** Passes of one purpose have their tables and logits at the same places. */
  readonly purpose: string;
  readonly rows: number;
  /** The first row of which anything but its entries of the cache is read. */
  readonly firstRead: number;
  /** Whether hidden states of rows that are marked are kept; only with drafts. */
  readonly keepsHidden: boolean;
  /** Rows whose logits are wanted. */
  readonly wanted: number;
  /** Tables: of the rows (`rowWords` each), and the numbers of those whose logits are wanted. */
  readonly table: Place;
  readonly wantedTable: Place;
  /** [..., V]: the logits follow `logitsOffset` rows of others. */
  readonly logits: Place;
  readonly logitsOffset: number;
}

/** Passes over a cache; it owns the memory for their intermediate results. */
export class DecodePass {
  readonly #backend: WebGpuBackend;
  readonly #model: ModelPlaces;
  readonly #programs: ModelPrograms;
  readonly #cache: DecodeCache;
  readonly #layers: number;
  readonly #lists: DispatchLists;
  readonly #work: Readonly<Record<keyof ReturnType<typeof widths>, Place>>;

  /** `layers`: those of the main model; `mostRows`: of a pass. */
  constructor(
    backend: WebGpuBackend,
    model: ModelPlaces,
    programs: ModelPrograms,
    cache: DecodeCache,
    layers: number,
    mostRows: number,
  ) {
    this.#backend = backend;
    this.#model = model;
    this.#programs = programs;
    this.#cache = cache;
    this.#layers = layers;
    this.#lists = new DispatchLists(backend);
    const places = Object.entries(widths(programs, model.mtp !== null)).map(([name, width]) => {
      return [name, backend.places.allocate(4 * mostRows * width)];
    });
    this.#work = Object.fromEntries(places);
  }

  /** The main model; hidden states are kept at the positions of their rows. */
  main(shape: PassShape): void {
    this.#lists.run(keyOf('main', shape), () => {
      const { rows, firstRead, table } = shape;
      const { programs, model, work } = { programs: this.#programs, model: this.#model, work: this.#work };
      this.#run(programs.embed, { rows: table, embedding: model.embedding, x: work.x }, {}, rows);
      for (let layer = 0; layer < this.#layers; layer++) {
        this.#layer(layer, shape, layer === this.#layers - 1 ? firstRead : 0);
      }
      if (shape.keepsHidden) this.#keep(shape, model.norm, 0);
      this.#head(shape, model.norm);
    });
  }

  /** The MTP module; hidden states are kept at the positions after their rows. */
  mtp(shape: PassShape): void {
    this.#lists.run(keyOf('mtp', shape), () => {
      const { rows, firstRead, table } = shape;
      const { programs, model, work } = { programs: this.#programs, model: this.#model, work: this.#work };
      const { embeddingGain, hiddenGain, project, headGain } = model.mtp!;
      const join = { rows: table, embedding: model.embedding, hidden: this.#cache.hidden, embeddingGain, hiddenGain };
      this.#run(programs.join, { ...join, joined: work.joined }, { M: this.#cache.room }, rows);
      const D = programs.experts.D;
      this.#product(programs.project, { x: work.joined, weight: project, y: work.x }, 0, rows, D);
      this.#layer(this.#layers, shape, firstRead);
      if (shape.keepsHidden) this.#keep(shape, headGain, 1);
      this.#head(shape, headGain);
    });
  }

  /** Forgets all lists, after a place that they use has moved. */
  forget(): void {
    this.#lists.forget();
  }

  dispose(): void {
    this.forget();
    for (const place of Object.values(this.#work)) this.#backend.places.free(place);
  }

  #layer(index: number, { rows, table }: PassShape, first: number): void {
    const { programs, work } = { programs: this.#programs, work: this.#work };
    const { attention, experts, compressedWidth, denseWidth } = programs;
    const { H } = attention;
    const { layers, turns } = this.#model;
    const places = layers[index]!;
    const [cache, M] = [this.#cache.latents(index), this.#cache.room];
    const read = rows - first;
    const compress = { x: work.x, gain: places.inputGain, query: places.compressQuery, latent: places.compressLatent };
    this.#product(programs.compress, { ...compress, y: work.compressed }, 0, rows, compressedWidth);
    // Cosines and sines take as much room.
    const sines = turns.bytes / 8;
    this.#run(
      programs.queries,
      {
        ...{ rows: table, compressed: work.compressed, gains: places.gains, kvUp: places.kvUp, cache },
        ...(places.queryUp === null ? {} : { queryUp: places.queryUp }),
        ...{ turns, latentQueries: work.latentQueries },
      },
      { M, sines },
      rows * (H + 1),
    );
    const attend = { rows: table, latentQueries: work.latentQueries, cache, kvUp: places.kvUp, values: work.values };
    this.#run(programs.attend, attend, { M, first }, read * H);
    const D = experts.D;
    this.#product(programs.output, { x: work.values, weight: places.output, y: work.x }, first, rows, D);
    if (places.experts === null) this.#dense(places, first, rows, denseWidth);
    else this.#experts(places, places.experts, first, read);
  }

  #dense({ postGain, dense }: LayerPlaces, first: number, rows: number, width: number): void {
    const { programs, work } = { programs: this.#programs, work: this.#work };
    const { gate, up, down } = dense!;
    this.#product(
      programs.activateDense,
      { x: work.x, gain: postGain, gate, up, y: work.activated },
      first,
      rows,
      width,
    );
    this.#product(
      programs.combineDense,
      { x: work.activated, weight: down, y: work.x },
      first,
      rows,
      programs.experts.D,
    );
  }

  #experts(
    { postGain, dense }: LayerPlaces,
    { router, bias, gateUp, down }: NonNullable<LayerPlaces['experts']>,
    first: number,
    rows: number,
  ): void {
    const { programs, work } = { programs: this.#programs, work: this.#work };
    const { x, normed, chosen, activated } = work;
    const sharedIn = dense === null ? {} : { sharedGate: dense.gate, sharedUp: dense.up };
    const sharedOut = dense === null ? {} : { sharedDown: dense.down };
    const sizes = programs.experts;
    this.#run(programs.route, { x, gain: postGain, router, bias, normed, chosen }, { first }, rows);
    const activate = { normed, chosen, gateUp, ...sharedIn, activated };
    this.#run(programs.activate, activate, { first }, activateGroups(rows, sizes));
    this.#run(programs.combine, { activated, chosen, down, ...sharedOut, x }, { first }, combineGroups(rows, sizes));
  }

  #keep({ table, rows, firstRead: first }: PassShape, gain: Place, shift: number): void {
    const hidden = this.#cache.hidden;
    const numbers = { M: this.#cache.room, first, shift };
    this.#run(this.#programs.keep, { rows: table, x: this.#work.x, gain, hidden }, numbers, rows - first);
  }

  #head({ wanted, wantedTable, logits, logitsOffset }: PassShape, gain: Place): void {
    const places = { x: this.#work.x, gain, weight: this.#model.head, wanted: wantedTable, y: logits };
    const vocabSize = this.#model.head.bytes / 4 / this.#programs.experts.D;
    const numbers = { first: 0, end: wanted, offset: logitsOffset };
    this.#run(this.#programs.head, places, numbers, rowGroups(wanted, vocabSize));
  }

  #product(program: Program, places: Readonly<Record<string, Place>>, first: number, end: number, outputs: number) {
    this.#run(program, places, { first, end }, rowGroups(end - first, outputs));
  }

  #run(
    program: Program,
    places: Readonly<Record<string, Place>>,
    numbers: Readonly<Record<string, number>>,
    groups: number,
  ): void {
    runOnPlaces(this.#backend, program, places, numbers, groups);
  }
}

const keyOf = (name: string, { purpose, rows, firstRead, wanted, logitsOffset }: PassShape) =>
  [name, purpose, rows, firstRead, wanted, logitsOffset].join(' ');

/** Numbers that a row has of each intermediate result. */
function widths({ attention, experts, compressedWidth, denseWidth }: ModelPrograms, drafts: boolean) {
  const { H, V, C, R } = attention;
  const { D, K } = experts;
  return {
    x: D,
    joined: drafts ? 2 * D : 0,
    compressed: compressedWidth,
    latentQueries: H * (C + R),
    values: H * V,
    normed: D,
    chosen: 2 * K,
    activated: Math.max(denseWidth, activeWidth(experts)),
  };
}
