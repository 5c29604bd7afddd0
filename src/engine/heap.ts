// Where tensors live: one WebAssembly.Memory that grows, and an allocator over it.

import { UserError } from '../errors.ts';

const pageBytes = 65536;
/** A cache line: two threads that write to different tensors never share one. */
const alignment = 64;
/** The control block of the threads and the module's static data lie below. */
const firstByte = pageBytes;
/** What a growth step adds at least, so that growing is rare. */
const growthBytes = 16 * 1024 * 1024;

const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);

/**
 * The size a request is rounded up to: four classes for each power of two, so at most a fifth is wasted.
 *
 * A training step asks for the same sizes again and again; a freed block waits for the next request of its class.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= alignment) return alignment;
  const step = Math.max(alignment, 2 ** (Math.floor(Math.log2(bytes - 1)) - 2));
  return Math.ceil(bytes / step) * step;
}

/** What an allocator holds, in bytes. */
export interface HeapUse {
  /** In blocks that are in use, rounding included. */
  readonly used: number;
  /** Most that was ever in use. */
  readonly peak: number;
  /** Taken from the system. */
  readonly reserved: number;
}

/** Blocks of one WebAssembly.Memory. A block does not move; freed blocks are kept for requests of the same size class. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly #limit: number;
  readonly #free = new Map<number, number[]>();
  #top = firstByte;
  #used = 0;
  #peak = 0;

  /** `limitBytes` is at most 4 GiB; `shared` memory can be used by several threads and needs SharedArrayBuffer. */
  constructor(limitBytes: number, shared: boolean) {
    this.#limit = Math.floor(limitBytes / pageBytes) * pageBytes;
    const pages = Math.max(2, this.#limit / pageBytes);
    this.memory = new WebAssembly.Memory({ initial: 2, maximum: pages, shared });
  }

  get use(): HeapUse {
    return { used: this.#used, peak: this.#peak, reserved: this.memory.buffer.byteLength };
  }

  /** A block of at least `bytes` bytes, aligned to a cache line, with undefined contents. */
  allocate(bytes: number): number {
    const size = sizeClass(bytes);
    const address = this.#free.get(size)?.pop() ?? this.#extend(size);
    this.#used += size;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return address;
  }

  /** Gives back what `allocate(bytes)` returned. */
  free(address: number, bytes: number): void {
    const size = sizeClass(bytes);
    this.#used -= size;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [address]);
    else list.push(address);
  }

  #extend(size: number): number {
    const address = this.#top;
    const end = address + size;
    if (end > this.#limit) return this.#reuse(size);
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) {
      const wanted = Math.min(Math.max(missing, growthBytes), this.#limit - this.memory.buffer.byteLength);
      if (!this.#grow(wanted) && !this.#grow(missing)) return this.#reuse(size);
    }
    this.#top = end;
    return address;
  }

  #grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / pageBytes));
      return true;
    } catch {
      return false;
    }
  }

  /** The smallest free block that is large enough, cut to size; what is left of it becomes a block of its own. */
  #reuse(size: number): number {
    const candidates = [...this.#free].filter(([free, list]) => free > size && list.length > 0);
    const [found] = candidates.reduce((best, next) => (next[0] < best[0] ? next : best), [Infinity, [] as number[]]);
    if (found === Infinity) {
      throw new UserError(
        `engine memory: ${mebibytes(size)} MiB do not fit (${mebibytes(this.#used)} of at most ` +
          `${mebibytes(this.#limit)} MiB in use); use a smaller batch, shorter sequences or gradAccumSteps`,
      );
    }
    const address = this.#free.get(found)!.pop()!;
    this.#splitRest(address + size, found - size);
    return address;
  }

  /** Makes free blocks of whole size classes out of a stretch of memory. */
  #splitRest(address: number, bytes: number): void {
    let at = address;
    let left = bytes;
    while (left >= alignment) {
      let size = sizeClass(left);
      if (size > left) size = largestClassWithin(left);
      const list = this.#free.get(size);
      if (list === undefined) this.#free.set(size, [at]);
      else list.push(at);
      at += size;
      left -= size;
    }
  }
}

/** The largest size class of at most `bytes` bytes (a multiple of the alignment). */
function largestClassWithin(bytes: number): number {
  const step = Math.max(alignment, 2 ** (Math.floor(Math.log2(bytes)) - 2));
  return Math.floor(bytes / step) * step;
}
