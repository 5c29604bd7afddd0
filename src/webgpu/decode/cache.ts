// What sequences keep on the GPU: latents of their tokens in each layer and, with drafts, hidden states.
// Shape legend: S sequences, M positions that each has room for, W = kvLoraRank + qkRopeHeadDim, D hiddenSize.

import { UserError } from '../../errors.ts';
import type { WebGpuBackend } from '../backend.ts';
import { bindingOf, type Place } from '../slabs.ts';
import { copySequence, copySequences } from './rows.ts';

/** Positions that there is room for at first; room is always a multiple of it, so that places stay aligned. */
const firstRoom = 64;

/** Rows of floats [S, M, width] in planes, of which each is bound by itself. */
interface Planes {
  readonly width: number;
  places: Place[];
}

/** Room grows for all sequences at once, to twice what it was. */
export class DecodeCache {
  readonly #backend: WebGpuBackend;
  readonly #sequences: number;
  readonly #capacity: number;
  readonly #latents: Planes;
  readonly #hidden: Planes;
  /** Positions that each sequence has room for. */
  room = 0;

  /** `layers`: planes of latents; `hiddenWidth`: 0 without drafts. */
  constructor(
    backend: WebGpuBackend,
    sequences: number,
    capacity: number,
    layers: number,
    width: number,
    hiddenWidth: number,
  ) {
    this.#backend = backend;
    this.#sequences = sequences;
    // A draft's output stands one position behind the last token.
    this.#capacity = capacity + 1;
    this.#latents = { width, places: Array.from({ length: layers }) };
    this.#hidden = { width: hiddenWidth, places: Array.from({ length: Number(hiddenWidth > 0) }) };
  }

  latents(layer: number): Place {
    return this.#latents.places[layer]!;
  }

  /** [S, M, D]; only with drafts. */
  get hidden(): Place {
    return this.#hidden.places[0]!;
  }

  /**
   * Makes room for positions 0 to `end - 1` of every sequence, and keeps what there is. Returns whether places moved.
   *
   * @throws {UserError} when a layer of that size is more than this adapter can bind; nothing has moved then.
   */
  reserve(end: number): boolean {
    if (end <= this.room) return false;
    const most = Math.ceil(this.#capacity / firstRoom) * firstRoom;
    const room = Math.min(most, firstRoom * 2 ** Math.ceil(Math.log2(Math.max(1, end / firstRoom))));
    const kinds = [this.#latents, this.#hidden];
    for (const { width } of kinds) this.#checkSize(4 * this.#sequences * room * width);
    for (const planes of kinds) {
      planes.places = planes.places.map((old) => this.#grow(old, planes.width, room));
    }
    this.room = room;
    return true;
  }

  /** Copies positions 0 to `length - 1`. */
  copy(from: number, to: number, length: number): void {
    for (const { places, width } of [this.#latents, this.#hidden]) {
      const step = this.room * width;
      const numbers = { size: length * width, source: from * step, goal: to * step };
      for (const place of places) this.#run(copySequence, { all: place }, numbers);
    }
  }

  dispose(): void {
    if (this.room === 0) return;
    for (const place of [...this.#latents.places, ...this.#hidden.places]) this.#backend.places.free(place);
    this.room = 0;
  }

  #grow(old: Place, width: number, room: number): Place {
    const place = this.#backend.places.allocate(4 * this.#sequences * room * width);
    if (this.room === 0) return place;
    const length = this.room * width;
    const numbers = { size: this.#sequences * length, length, step: room * width };
    this.#run(copySequences, { source: old, copied: place }, numbers);
    this.#backend.places.free(old);
    return place;
  }

  #checkSize(bytes: number): void {
    const { maxStorageBufferBindingSize: most } = this.#backend.commands.device.limits;
    if (bytes <= most) return;
    throw new UserError(
      `decoder: a layer of the cache of ${this.#sequences} sequences takes ${bytes} bytes, and this adapter binds at ` +
        `most ${most}; use fewer sequences at once, or a shorter context`,
    );
  }

  #run(
    program: typeof copySequence,
    places: Readonly<Record<string, Place>>,
    numbers: { readonly size: number } & Readonly<Record<string, number>>,
  ): void {
    const bindings = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, bindingOf(place)]));
    this.#backend.runOn(program, bindings, numbers, Math.ceil(numbers.size / 256), true);
  }
}
