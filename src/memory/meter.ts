// What the blocks of a heap are for, from the time at which they are taken.

import type { Address } from '../engine/address.ts';
import type { Heap, HeapWatcher } from '../engine/heap.ts';
import type { MemoryKind } from './kinds.ts';

/** Kinds that blocks have; the others are told from sums. */
type BlockKind = Exclude<MemoryKind, 'recording' | 'messages'>;

interface Block {
  readonly size: number;
  kind: BlockKind;
}

interface Event {
  readonly block: Block;
  readonly isTaken: boolean;
  /** Bytes of the heap that are in use afterwards. */
  readonly used: number;
}

/** The most bytes at any time. */
export interface Peaks {
  /** Of each kind, whenever that is. */
  readonly kinds: Readonly<Record<BlockKind, number>>;
  /** Of all kinds together. */
  readonly live: number;
  /** Of the heap: these, and blocks that a recording keeps for later. */
  readonly used: number;
}

/** Watches a heap from its making until `stop`. Blocks that are there already are not counted. */
export class MemoryMeter implements HeapWatcher {
  /** What blocks that are taken now are for, unless they are workspaces. */
  kind: BlockKind = 'weights';
  readonly #heap: Heap;
  readonly #before: number;
  readonly #live = new Map<Address, Block>();
  #kept: readonly Block[] = [];
  #events: Event[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#before = heap.use.used;
    heap.watcher = this;
  }

  taken(address: Address, size: number, isWorkspace: boolean, used: number): void {
    const block: Block = { size, kind: isWorkspace ? 'packed' : this.kind };
    this.#live.set(address, block);
    this.#events.push({ block, isTaken: true, used });
  }

  freed(address: Address): void {
    const block = this.#live.get(address);
    if (block === undefined) return; // the end of a recording gives back what was free already
    this.#live.delete(address);
    this.#events.push({ block, isTaken: false, used: 0 });
  }

  /** Says that all blocks that were taken for `from` and are still there are for `to`. */
  rename(from: BlockKind, to: BlockKind): void {
    for (const block of this.#live.values()) if (block.kind === from) block.kind = to;
  }

  /** Says what the blocks at these addresses are for. */
  name(addresses: readonly Address[], kind: BlockKind): void {
    for (const address of addresses) this.#live.get(address)!.kind = kind;
  }

  /** Begins to look for peaks. */
  restart(): void {
    this.#kept = [...this.#live.values()];
    this.#events = [];
  }

  /** The peaks since `restart`, by what is known now of the blocks. */
  peaks(): Peaks {
    const now = { weights: 0, gradients: 0, moments: 0, average: 0, activations: 0, packed: 0 };
    for (const { kind, size } of this.#kept) now[kind] += size;
    const kinds = { ...now };
    let sum = Object.values(now).reduce((a, b) => a + b, 0);
    let [live, used] = [sum, sum];
    for (const { block, isTaken, used: usedNow } of this.#events) {
      const { kind } = block;
      const change = isTaken ? block.size : -block.size;
      now[kind] += change;
      sum += change;
      kinds[kind] = Math.max(kinds[kind], now[kind]);
      live = Math.max(live, sum);
      used = Math.max(used, usedNow - this.#before);
    }
    return { kinds, live, used: Math.max(used, live) };
  }

  stop(): void {
    this.#heap.watcher = null;
  }
}
