// Places in buffers: no two tensors share one, and what is freed is used again.

import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/tensor/random.ts';
import type { Commands } from '../../src/webgpu/commands.ts';
import { type Place, Slabs } from '../../src/webgpu/slabs.ts';

beforeAll(() => {
  // Where no WebGPU is installed; the numbers are those of the standard.
  Object.assign(globalThis, { GPUBufferUsage: { COPY_SRC: 4, COPY_DST: 8, STORAGE: 128 } });
});

/** A device that only counts. */
function fakeCommands() {
  const buffers = new Set<object>();
  const commands = {
    createBuffer: (size: number) => {
      const buffer = { size };
      buffers.add(buffer);
      return buffer;
    },
    destroyBuffer: (buffer: object) => void buffers.delete(buffer),
  };
  return { commands: commands as unknown as Commands, buffers };
}

const end = ({ offset, bytes }: Place) => offset + bytes;

describe('slabs', () => {
  it('property: places that are in use never overlap, and begin where bindings may', () => {
    const random = createRandom(1);
    const { commands } = fakeCommands();
    const slabs = new Slabs(commands, 2 ** 26);
    const places: Place[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.55 || places.length === 0) {
        const place = slabs.allocate(4 * Math.floor(1 + random() ** 4 * 300_000));
        expect(place.offset % 256).toBe(0);
        const clash = places.find((other) => {
          return other.buffer === place.buffer && other.offset < end(place) && place.offset < end(other);
        });
        expect(clash).toBeUndefined();
        expect(end(place)).toBeLessThanOrEqual(place.buffer.size);
        places.push(place);
      } else {
        slabs.free(places.splice(Math.floor(random() * places.length), 1)[0]!);
      }
    }
    for (const place of places) slabs.free(place);
    expect(slabs.bytesUsed).toBe(0);
  });

  it('use again what was freed, whatever the order', () => {
    const { commands, buffers } = fakeCommands();
    const slabs = new Slabs(commands, 2 ** 26);
    const sizes = [100, 5000, 70_000, 300];
    const first = sizes.map((bytes) => slabs.allocate(bytes));
    for (const i of [2, 0, 3, 1]) slabs.free(first[i]!);
    const again = slabs.allocate(sizes.reduce((a, b) => a + b, 0));
    expect(again.offset).toBe(0);
    expect(buffers.size).toBe(1);
  });

  it('give buffers back in which nothing is', () => {
    const { commands, buffers } = fakeCommands();
    const slabs = new Slabs(commands, 2 ** 26);
    const [kept, gone] = [slabs.allocate(2 ** 22), slabs.allocate(2 ** 23)];
    slabs.free(gone);
    slabs.trim();
    expect([...buffers]).toEqual([kept.buffer]);
    slabs.dispose();
    expect(buffers.size).toBe(0);
  });

  it('refuse a tensor that no binding could hold', () => {
    const { commands } = fakeCommands();
    expect(() => new Slabs(commands, 2 ** 20).allocate(2 ** 21)).toThrow('larger than this adapter can bind (1048576)');
  });
});
