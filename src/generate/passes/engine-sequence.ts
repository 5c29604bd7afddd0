// What a sequence keeps in the engine's memory: latents of its tokens and, if there are drafts, the latest hidden
// states.
// Shape legend: L layers (the MTP module's is the last), W = kvLoraRank + qkRopeHeadDim, D hiddenSize.

import { type Address, nowhere, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { floatsAt } from './engine-blocks.ts';

/** Number of tokens that the first block has room for. */
const firstTokens = 64;

/** Rows of floats in `planes` planes. When their block is full, they move to one of twice the size. */
class GrowingRows {
  address: Address = nowhere;
  /** Rows that a plane has room for. */
  room = 0;
  readonly #backend: EngineBackend;
  readonly #planes: number;
  readonly #width: number;

  constructor(backend: EngineBackend, planes: number, width: number) {
    this.#backend = backend;
    this.#planes = planes;
    this.#width = width;
  }

  /** Makes room for `rows` rows in each plane, and keeps those that there are. */
  reserve(rows: number, limit: number): void {
    if (rows <= this.room) return;
    const old = { address: this.address, room: this.room };
    const room = Math.min(limit, Math.max(firstTokens, 2 ** Math.ceil(Math.log2(rows))));
    this.address = this.#backend.heap.allocate(this.#bytes(room));
    this.room = room;
    this.#copyFrom(old.address, old.room, old.room);
    this.#free(old.address, old.room);
  }

  copy(other: GrowingRows): void {
    if (other.room !== this.room) {
      this.clear();
      if (other.room === 0) return;
      this.address = this.#backend.heap.allocate(this.#bytes(other.room));
      this.room = other.room;
    }
    this.#copyFrom(other.address, other.room, other.room);
  }

  clear(): void {
    this.#free(this.address, this.room);
    this.room = 0;
  }

  /** Moves rows `first` to `end - 1` of the only plane to its beginning. */
  shift(first: number, end: number): void {
    const plane = floatsAt(this.#backend, this.address, end * this.#width);
    plane.copyWithin(0, first * this.#width);
  }

  #copyFrom(address: Address, room: number, rows: number): void {
    const [from, to] = [4 * room * this.#width, 4 * this.room * this.#width];
    for (let plane = 0; plane < this.#planes; plane++) {
      const source = floatsAt(this.#backend, plus(address, plane * from), rows * this.#width);
      floatsAt(this.#backend, plus(this.address, plane * to), rows * this.#width).set(source);
    }
  }

  #free(address: Address, room: number): void {
    if (room > 0) this.#backend.heap.free(address, this.#bytes(room));
  }

  #bytes(room: number): number {
    return 4 * this.#planes * room * this.#width;
  }
}

export class EngineSequence {
  readonly #latents: GrowingRows;
  readonly #latentWidth: number;
  readonly #hidden: GrowingRows;
  readonly #hiddenWidth: number;
  readonly #capacity: number;
  /** Positions of the hidden states: the first, and one past the last. */
  #hiddenFrom = 0;
  #hiddenEnd = 0;

  constructor(backend: EngineBackend, layers: number, latentWidth: number, hiddenWidth: number, capacity: number) {
    this.#latents = new GrowingRows(backend, layers, latentWidth);
    this.#hidden = new GrowingRows(backend, 1, hiddenWidth);
    this.#latentWidth = latentWidth;
    this.#hiddenWidth = hiddenWidth;
    this.#capacity = capacity;
  }

  /** Where the latents of layer 0 begin. */
  get cache(): Address {
    return this.#latents.address;
  }

  /** Bytes from a layer to the next. */
  get layerBytes(): number {
    return 4 * this.#latents.room * this.#latentWidth;
  }

  /** Makes room for latents at positions 0 to `end - 1`. */
  reserve(end: number): void {
    this.#latents.reserve(end, this.#capacity);
  }

  /** Makes room for hidden states at positions `from` to `end - 1`, behind those that are kept. */
  reserveHidden(from: number, end: number): void {
    if (from < this.#hiddenFrom) this.#hiddenFrom = from;
    this.#hiddenEnd = end;
    this.#hidden.reserve(end - this.#hiddenFrom, this.#capacity + 1);
  }

  hiddenAt(position: number): Address {
    return plus(this.#hidden.address, 4 * (position - this.#hiddenFrom) * this.#hiddenWidth);
  }

  forgetHidden(before: number): void {
    if (before <= this.#hiddenFrom) return;
    this.#hidden.shift(before - this.#hiddenFrom, this.#hiddenEnd - this.#hiddenFrom);
    this.#hiddenFrom = before;
  }

  copy(other: EngineSequence): void {
    this.#latents.copy(other.#latents);
    this.#hidden.copy(other.#hidden);
    this.#hiddenFrom = other.#hiddenFrom;
    this.#hiddenEnd = other.#hiddenEnd;
  }

  clear(): void {
    this.#latents.clear();
    this.#hidden.clear();
    this.#hiddenFrom = 0;
    this.#hiddenEnd = 0;
  }
}
