// Blocks of the heap that a recording keeps: what it computes lies at the same addresses each time it is repeated.

/** Blocks by size class. While its heap allocates from it, freed blocks are used again; afterwards nothing moves. */
export class Arena {
  readonly #sizes = new Map<number, number>();
  readonly #live = new Set<number>();
  readonly #pinned = new Set<number>();
  readonly #free = new Map<number, number[]>();
  #refusal: string | null = null;

  /** Why the contents cannot be computed again by repeating kernels; null as long as they can. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** Records that JavaScript computed some of the contents. */
  refuse(reason: string): void {
    this.#refusal ??= reason;
  }

  /** A free block of this size, if there is one. */
  take(size: number): number | undefined {
    const address = this.#free.get(size)?.pop();
    if (address !== undefined) this.#live.add(address);
    return address;
  }

  /** Takes over a block of the heap. */
  add(address: number, size: number): void {
    this.#sizes.set(address, size);
    this.#live.add(address);
  }

  /** Keeps a block, and what it holds, for itself when it is freed. */
  pin(address: number): void {
    this.#pinned.add(address);
  }

  /** Takes back a freed block; false if it is not one of its own. */
  giveBack(address: number, size: number): boolean {
    if (!this.#live.delete(address)) return this.#sizes.has(address);
    if (this.#pinned.has(address)) return true;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [address]);
    else list.push(address);
    return true;
  }

  /** Address and size of all free blocks. */
  freeBlocks(): [number, number][] {
    return [...this.#sizes].filter(([address]) => !this.#live.has(address));
  }
}
