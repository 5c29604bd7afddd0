// Tables that kernels on lists read. A step needs the same ones each time, so they are found again by what they are
// made from.

import type { Commands } from './commands.ts';

const most = 64;

/** Tables in buffers of their own: the buffers of tensors are bound beside them. */
export class Tables {
  readonly #commands: Commands;
  readonly #known = new Map<string, GPUBuffer>();

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** The table of this key, which decides what `words` returns. */
  of(key: string, words: () => readonly number[]): GPUBuffer {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // Recordings hold on to the buffers in their bind groups, which therefore are not destroyed.
    if (this.#known.size === most) this.#known.clear();
    const table = Uint32Array.from(words());
    const bytes = Math.max(16, table.byteLength);
    const buffer = this.#commands.createBuffer(bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
    this.#commands.device.queue.writeBuffer(buffer, 0, table);
    this.#known.set(key, buffer);
    return buffer;
  }
}
