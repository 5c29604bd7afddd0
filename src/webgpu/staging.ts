// How the host reads: a copy into a buffer that it can map.

import { nextTurn } from '../event-loop.ts';
import type { Commands } from './commands.ts';
import type { Place } from './slabs.ts';

/** Buffers through which the host reads. */
export class Staging {
  readonly #commands: Commands;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  async read({ buffer, offset, bytes }: Place): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const target = this.#free.get(size)?.pop() ?? this.#commands.createBuffer(size, MAP_READ | COPY_DST);
    this.#commands.encoder().copyBufferToBuffer(buffer, offset, target, 0, Math.ceil(bytes / 4) * 4);
    this.#commands.submit();
    this.#commands.work.readbacks++;
    try {
      await target.mapAsync(GPUMapMode.READ, 0, size);
    } catch (error) {
      await nextTurn(); // the device says in a turn of its own that it was lost
      this.#commands.throwProblem();
      throw error;
    }
    this.#commands.throwProblem();
    const copy = target.getMappedRange(0, size).slice(0, bytes);
    target.unmap();
    const list = this.#free.get(size) ?? [];
    list.push(target);
    this.#free.set(size, list);
    return copy;
  }
}
