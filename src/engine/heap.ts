// Where tensors live: one WebAssembly.Memory that grows, and an allocator over it.

import { UserError } from '../errors.ts';
import type { Address } from './address.ts';
import { Arena } from './arena.ts';

const pageBytes = 65536;
/** A cache line: two threads that write to different tensors never share one. */
const alignment = 64;
/** The control block of the threads and the module's static data lie below. */
const firstByte = pageBytes;
/** What a growth step adds at least, so that growing is rare. */
const growthBytes = 16 * 2 ** 20;
/** Up to this many bytes, and half as much again as was ever in use, growing is preferred to cutting up free blocks. */
const smallHeap = 64 * 2 ** 20;

const joinEvery = 32;

/** All that WebAssembly can address, in bytes. */
export const wholeMemory = 2 ** 32;

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
  /** Bytes in blocks that are in use, rounding included. */
  readonly used: number;
  /** The most bytes that were ever in use. */
  readonly peak: number;
  /** Bytes taken from the system. */
  readonly reserved: number;
}

/** Hears of every block that is handed out and given back; `used` is what `HeapUse.used` is afterwards. */
export interface HeapWatcher {
  /** `isWorkspace`: a kernel has the block until it returns. */
  taken(address: Address, size: number, isWorkspace: boolean, used: number): void;
  freed(address: Address): void;
}

/** Memory that can grow to `limit` bytes, or half of that, or a quarter: its addresses are reserved at once. */
function reserveMemory(limit: number, shared: boolean): { memory: WebAssembly.Memory; limit: number } {
  const initial = firstByte / pageBytes;
  try {
    return { memory: new WebAssembly.Memory({ initial, maximum: limit / pageBytes, shared }), limit };
  } catch {
    if (limit <= smallHeap) throw new UserError(`engine memory: no ${mebibytes(limit)} MiB of addresses to be had`);
    return reserveMemory(Math.ceil(limit / 2 / pageBytes) * pageBytes, shared);
  }
}

/**
 * Blocks of one WebAssembly.Memory. A block does not move.
 *
 * Freed blocks are kept for requests of the same size class. When other sizes are wanted and the heap is well above
 * what was ever in use, free neighbours are joined and larger blocks cut up, so a run with changing sizes does not grow
 * on.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Who is told of blocks from now on. */
  watcher: HeapWatcher | null = null;
  readonly #limit: number;
  /** Addresses of free blocks by their size, which is a size class unless the block was cut or joined. */
  readonly #free = new Map<number, number[]>();
  /** Arenas, whose blocks are not for other requests; and the open arena, which takes all requests now. */
  readonly #arenas = new Set<Arena>();
  #open: Arena | null = null;
  #top = firstByte;
  #used = 0;
  #peak = 0;
  /**
   * How many more blocks may be freed before free blocks are joined. Until then a block is cut where none fits: joining
   * takes time, but cutting makes fragments.
   */
  #untilJoin = joinEvery;

  /**
   * `limitBytes` is at most `wholeMemory`; `shared` memory can be used by several threads and needs SharedArrayBuffer.
   */
  constructor(limitBytes: number, shared: boolean, reserve = reserveMemory) {
    const wanted = Math.max(firstByte, Math.floor(limitBytes / pageBytes) * pageBytes);
    const { memory, limit } = reserve(wanted, shared);
    this.memory = memory;
    this.#limit = limit;
  }

  get use(): HeapUse {
    return { used: this.#used, peak: this.#peak, reserved: this.memory.buffer.byteLength };
  }

  /** The numbers at an address, to be read and written in place until the memory grows. */
  view<Values>(View: new (buffer: ArrayBufferLike, at: number, length: number) => Values, at: Address, length: number) {
    return new View(this.memory.buffer, at, length);
  }

  /**
   * A block of at least `bytes` bytes, aligned to a cache line, with undefined contents. `isWorkspace`: for a kernel,
   * until it returns.
   */
  allocate(bytes: number, isWorkspace = false): Address {
    if (!(bytes >= 0)) throw new Error(`internal: a block of ${bytes} bytes`);
    const size = sizeClass(bytes);
    const address = (this.#open?.take(size) ?? this.#fresh(size)) as Address;
    this.watcher?.taken(address, size, isWorkspace, this.#used);
    return address;
  }

  /** A block for values that no kernel writes: a recording neither wrote to it before, nor will when it is freed. */
  allocateConstant(bytes: number): Address {
    const size = sizeClass(bytes);
    const address = this.#fresh(size) as Address;
    this.#open?.pin(address);
    this.watcher?.taken(address, size, false, this.#used);
    return address;
  }

  #fresh(size: number): number {
    const address = this.#free.get(size)?.pop() ?? this.#find(size);
    this.#used += size;
    if (this.#used > this.#peak) this.#peak = this.#used;
    this.#open?.add(address, size);
    return address;
  }

  /** Gives back what `allocate(bytes)` returned. */
  free(address: number, bytes: number): void {
    const size = sizeClass(bytes);
    this.watcher?.freed(address as Address);
    for (const arena of this.#arenas) if (arena.giveBack(address, size)) return;
    this.#used -= size;
    this.#untilJoin--;
    this.#keep(address, size);
  }

  /**
   * From now on, until `closeArena`, all blocks come from an arena of their own, and stay there when they are freed.
   */
  openArena(): Arena {
    if (this.#open !== null) throw new Error('internal: an arena is open already');
    this.#open = new Arena();
    this.#arenas.add(this.#open);
    return this.#open;
  }

  closeArena(): void {
    this.#open = null;
  }

  /** The arena that takes all requests now. */
  get openedArena(): Arena | null {
    return this.#open;
  }

  /** Ends an arena: its free blocks are for all again, the others as soon as they are freed. */
  dissolve(arena: Arena): void {
    this.#arenas.delete(arena);
    for (const [address, size] of arena.freeBlocks()) this.free(address, size);
  }

  #find(size: number): number {
    const top = this.#top + size - firstByte;
    const modest = top <= Math.max(this.#peak, this.#used + size) * 1.5 + smallHeap;
    const address =
      (modest ? this.#extend(size) : null) ??
      (this.#untilJoin > 0 ? this.#cut(size) : null) ??
      this.#joinAndCut(size) ??
      this.#extend(size);
    if (address !== null) return address;
    throw new UserError(
      `engine memory: ${mebibytes(size)} MiB do not fit (${mebibytes(this.#used)} of at most ` +
        `${mebibytes(this.#limit)} MiB in use); use a smaller batch, shorter sequences or gradAccumSteps`,
    );
  }

  /** A block at the end of the heap; null where the memory ends. */
  #extend(size: number): number | null {
    const address = this.#top;
    const end = address + size;
    if (end > this.#limit) return null;
    const reserved = this.memory.buffer.byteLength;
    const missing = end - reserved;
    const step = Math.min(Math.max(missing, growthBytes), this.#limit - reserved);
    if (missing > 0 && !this.#grow(step) && !this.#grow(missing)) return null;
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

  /** The smallest free block that is large enough, cut to size. */
  #cut(size: number): number | null {
    let found = Number.POSITIVE_INFINITY;
    for (const [free, list] of this.#free) if (free >= size && free < found && list.length > 0) found = free;
    const list = this.#free.get(found);
    const address = list?.pop();
    if (list === undefined || address === undefined) return null;
    if (list.length === 0) this.#free.delete(found);
    if (found > size) this.#keep(address + size, found - size);
    return address;
  }

  /** Makes one block of free blocks that touch, gives back those at the end of the heap, and tries to cut again. */
  #joinAndCut(size: number): number | null {
    // Nothing to gain: even in one piece the free blocks would be too small.
    if (this.#limit - firstByte - this.#used < size) return null;
    const blocks = [...this.#free].flatMap(([size, addresses]) => addresses.map((address) => ({ address, size })));
    blocks.sort((a, b) => a.address - b.address);
    this.#free.clear();
    this.#untilJoin = Math.max(joinEvery, blocks.length / 8);
    let [start, end] = [firstByte, firstByte];
    for (const { address, size } of blocks) {
      if (address !== end) {
        this.#keep(start, end - start);
        start = address;
      }
      end = address + size;
    }
    if (end === this.#top) this.#top = start;
    else this.#keep(start, end - start);
    return this.#cut(size);
  }

  #keep(address: number, size: number): void {
    if (size === 0) return;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [address]);
    else list.push(address);
  }
}
