// The allocator: what is in use never overlaps, what is freed is used again, and what is asked for in vain is an error.

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Heap, sizeClass, wholeMemory } from '../../src/engine/heap.ts';
import { UserError } from '../../src/errors.ts';
import { createRandom } from '../../src/tensor/random.ts';

const mebibyte = 2 ** 20;

describe('sizeClass', () => {
  it('is a multiple of a cache line that wastes a fifth at most, for all that does not fit one line', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: wholeMemory }), (bytes) => {
        const size = sizeClass(bytes);
        expect(size % 64).toBe(0);
        expect(size).toBeGreaterThanOrEqual(Math.max(bytes, 1));
        expect(size - bytes).toBeLessThanOrEqual(Math.max(64, size / 5));
        expect(sizeClass(size)).toBe(size);
      }),
    );
  });
});

interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** Sizes from 0 to 600 KiB, small ones as likely as large ones; a negative number frees the block of that index. */
const steps = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.integer({ min: 0, max: 20_000 }),
    fc.integer({ min: 0, max: 600_000 }),
    fc.integer({ min: -1000, max: -1 }),
    fc.integer({ min: -1000, max: -1 }),
  ),
  { minLength: 20, maxLength: 400 },
);

/** Throws if two blocks overlap or one is out of place. */
function checkBlocks(heap: Heap, blocks: readonly Block[]): void {
  let end = 65536;
  for (const { address, bytes } of blocks.toSorted((a, b) => a.address - b.address)) {
    expect(address % 64).toBe(0);
    expect(address).toBeGreaterThanOrEqual(end);
    end = address + Math.max(bytes, 1);
  }
  expect(end).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
}

describe('Heap', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('property: blocks never overlap, counts are right, and all that was freed is one piece again', () => {
    // The first 64 KiB are not the allocator's; the rest is one block of a size class.
    const whole = 1.75 * mebibyte;
    const limit = whole + 65536;
    fc.assert(
      fc.property(steps, (sizes) => {
        const heap = new Heap(limit, false);
        const blocks: Block[] = [];
        for (const bytes of sizes) {
          const [freed] = bytes < 0 && blocks.length > 0 ? blocks.splice(-bytes % blocks.length, 1) : [];
          if (freed !== undefined) heap.free(freed.address, freed.bytes);
          if (bytes < 0) continue;
          try {
            blocks.push({ address: heap.allocate(bytes), bytes });
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          }
          checkBlocks(heap, blocks);
          expect(heap.use.used).toBe(blocks.reduce((sum, block) => sum + sizeClass(block.bytes), 0));
          expect(heap.use.peak).toBeGreaterThanOrEqual(heap.use.used);
          expect(heap.use.reserved).toBeLessThanOrEqual(limit);
        }
        for (const { address, bytes } of blocks) heap.free(address, bytes);
        expect(heap.use.used).toBe(0);
        expect(heap.allocate(whole)).toBe(65536);
      }),
      { numRuns: 80 },
    );
  });

  it('uses a freed block for the next request of its class', () => {
    const heap = new Heap(mebibyte, false);
    const address = heap.allocate(1000);
    heap.allocate(1000);
    heap.free(address, 1000);
    expect(heap.allocate(999)).toBe(address);
  });

  it('gives blocks of their own to tensors of no and of one byte', () => {
    const heap = new Heap(mebibyte, false);
    expect(new Set([0, 0, 1, 1].map((bytes) => heap.allocate(bytes))).size).toBe(4);
  });

  it('cuts up larger free blocks when the limit is near', () => {
    const heap = new Heap(mebibyte, false);
    const large = heap.allocate(800 * 1024);
    heap.free(large, 800 * 1024);
    const small = Array.from({ length: 900 }, () => heap.allocate(1024));
    expect(new Set(small).size).toBe(900);
    for (const address of small) heap.free(address, 1024);
    expect(heap.allocate(800 * 1024)).toBe(large);
  });

  it('says so when it is full, and goes on afterwards', () => {
    const heap = new Heap(16 * mebibyte, false);
    const address = heap.allocate(8 * mebibyte);
    const { used } = heap.use;
    expect(() => heap.allocate(9 * mebibyte)).toThrow(
      new UserError(
        'engine memory: 10 MiB do not fit (8 of at most 16 MiB in use); use a smaller batch, shorter sequences or ' +
          'gradAccumSteps',
      ),
    );
    expect(() => heap.allocate(2 ** 31 * 4)).toThrow('engine memory: 8192 MiB do not fit');
    expect(heap.use.used).toBe(used);
    heap.free(address, 8 * mebibyte);
    expect(heap.allocate(9 * mebibyte)).toBe(65536);
  });

  it('does not grow on when sizes change all the time', () => {
    const heap = new Heap(wholeMemory, true);
    const random = createRandom(3);
    for (let step = 0; step < 200; step++) {
      const scale = 0.5 + random();
      const blocks: Block[] = [];
      for (let i = 0; i < 300; i++) {
        const bytes = Math.floor(2 ** (10 + 13 * random()) * scale);
        blocks.push({ address: heap.allocate(bytes), bytes });
        const [freed] = random() < 0.6 ? blocks.splice(Math.floor(random() * blocks.length), 1) : [];
        if (freed !== undefined) heap.free(freed.address, freed.bytes);
      }
      for (const { address, bytes } of blocks) heap.free(address, bytes);
    }
    const { used, peak, reserved } = heap.use;
    expect(used).toBe(0);
    expect(peak).toBeGreaterThan(100 * mebibyte);
    // Half as much again as was in use at once, 64 MiB, and a step of growth.
    expect(reserved).toBeLessThanOrEqual(1.5 * peak + 80 * mebibyte);
  });

  it('makes do with fewer addresses where there are not four gibibytes of them', () => {
    const { Memory } = WebAssembly;
    class SmallMemory extends Memory {
      constructor(descriptor: { initial: number; maximum: number; shared: boolean }) {
        if (descriptor.maximum > 20_000) throw new RangeError('could not allocate memory');
        super(descriptor);
      }
    }
    vi.stubGlobal('WebAssembly', { ...WebAssembly, Memory: SmallMemory });
    const heap = new Heap(wholeMemory, true);
    expect(() => heap.allocate(wholeMemory)).toThrow('of at most 1024 MiB in use');
  });
});
