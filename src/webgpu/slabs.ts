// Memory of the GPU: a few large buffers, in which tensors have their places.
//
// A kernel that reads or writes many tensors, such as AdamW, binds these few buffers, where it could not bind a buffer
// for each tensor.

import { UserError } from '../errors.ts';
import type { Commands } from './commands.ts';

/** Bindings must begin at a multiple of this in every adapter. */
const alignment = 256;
const smallestSlab = 2 ** 22;

/** A part of a buffer that belongs to one tensor. */
export interface Place {
  readonly buffer: GPUBuffer;
  /** In bytes, a multiple of 256. */
  readonly offset: number;
  /** Bytes of the tensor; what is reserved for it is rounded up to 256. */
  readonly bytes: number;
}

/** Whole binding of a place; at least the 16 bytes that a vector takes. */
export const bindingOf = ({ buffer, offset, bytes }: Place): GPUBufferBinding => {
  return { buffer, offset, size: Math.max(16, Math.ceil(bytes / 16) * 16) };
};

interface Gap {
  offset: number;
  bytes: number;
}

/** One buffer and the gaps in it, in order of their offsets. */
interface Slab {
  readonly buffer: GPUBuffer;
  readonly gaps: Gap[];
}

const reserved = (bytes: number) => Math.max(alignment, Math.ceil(bytes / alignment) * alignment);

/** Slabs that grow as needed; each is at least as large as all before it, so there are only a few. */
export class Slabs {
  readonly #commands: Commands;
  readonly #largest: number;
  #slabs: Slab[] = [];

  /** `largest`: bytes that the device can bind at once. */
  constructor(commands: Commands, largest: number) {
    this.#commands = commands;
    this.#largest = Math.floor(largest / alignment) * alignment;
  }

  get bytesReserved(): number {
    return this.#slabs.reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  get bytesUsed(): number {
    const free = this.#slabs.reduce((sum, { gaps }) => sum + gaps.reduce((all, gap) => all + gap.bytes, 0), 0);
    return this.bytesReserved - free;
  }

  /** @throws {UserError} if one binding of the device cannot hold so much */
  allocate(bytes: number): Place {
    const size = reserved(bytes);
    let best: { slab: Slab; at: number; left: number } | null = null;
    for (const slab of this.#slabs) {
      for (const [at, gap] of slab.gaps.entries()) {
        const left = gap.bytes - size;
        if (left >= 0 && (best === null || left < best.left)) best = { slab, at, left };
      }
    }
    best ??= { slab: this.#grow(size), at: 0, left: 0 };
    const { slab, at } = best;
    const gap = slab.gaps[at]!;
    const place = { buffer: slab.buffer, offset: gap.offset, bytes };
    gap.offset += size;
    gap.bytes -= size;
    if (gap.bytes === 0) slab.gaps.splice(at, 1);
    return place;
  }

  /** Whether a place was allocated here. */
  has({ buffer }: Place): boolean {
    return this.#slabs.some((slab) => slab.buffer === buffer);
  }

  free({ buffer, offset, bytes }: Place): void {
    const slab = this.#slabs.find((candidate) => candidate.buffer === buffer);
    if (slab === undefined) throw new Error('internal: a place that is not of these slabs is freed');
    const { gaps } = slab;
    const size = reserved(bytes);
    const next = gaps.findIndex((gap) => gap.offset > offset);
    const at = next < 0 ? gaps.length : next;
    const [before, after] = [gaps[at - 1], gaps[at]];
    const joinsBefore = before !== undefined && before.offset + before.bytes === offset;
    const joinsAfter = after !== undefined && offset + size === after.offset;
    if (joinsBefore && joinsAfter) {
      before.bytes += size + after.bytes;
      gaps.splice(at, 1);
    } else if (joinsBefore) {
      before.bytes += size;
    } else if (joinsAfter) {
      after.offset = offset;
      after.bytes += size;
    } else {
      gaps.splice(at, 0, { offset, bytes: size });
    }
  }

  /** Gives slabs back in which there is nothing. Commands that use them must have been submitted. */
  trim(): void {
    const isEmpty = ({ buffer, gaps }: Slab) => gaps.length === 1 && gaps[0]!.bytes === buffer.size;
    for (const slab of this.#slabs) if (isEmpty(slab)) this.#commands.destroyBuffer(slab.buffer);
    this.#slabs = this.#slabs.filter((slab) => !isEmpty(slab));
  }

  dispose(): void {
    for (const { buffer } of this.#slabs) this.#commands.destroyBuffer(buffer);
    this.#slabs = [];
  }

  #grow(size: number): Slab {
    if (size > this.#largest) {
      throw new UserError(
        `webgpu: a tensor of ${size} bytes is larger than this adapter can bind (${this.#largest}); take a smaller ` +
          'batchSize or seqLen, or more gradAccumSteps, or --backend engine',
      );
    }
    const bytes = Math.min(this.#largest, Math.max(size, smallestSlab, reserved(this.bytesReserved / 2)));
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const buffer = this.#commands.createBuffer(bytes, STORAGE | COPY_SRC | COPY_DST);
    const slab = { buffer, gaps: [{ offset: 0, bytes }] };
    this.#slabs.push(slab);
    return slab;
  }
}
