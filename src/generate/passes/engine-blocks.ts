// Memory of the engine that is no tensor.

import type { Address } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import type { Words } from '../../engine/layout.ts';

/** Blocks of the engine's heap with one owner, freed together. */
export class EngineBlocks {
  readonly #backend: EngineBackend;
  readonly #blocks: { readonly address: Address; readonly bytes: number }[] = [];

  constructor(backend: EngineBackend) {
    this.#backend = backend;
  }

  /** The address of a block for so many 32-bit numbers; its contents are undefined. */
  take(length: number): Address {
    const bytes = 4 * length;
    const address = this.#backend.heap.allocate(bytes);
    this.#blocks.push({ address, bytes });
    return address;
  }

  free(): void {
    for (const { address, bytes } of this.#blocks.splice(0)) this.#backend.heap.free(address, bytes);
  }
}

/** Numbers in the engine's memory, seen in place. Memory that is not shared gets a new buffer when it grows: make it anew for each use. */
export function floatsAt({ heap }: EngineBackend, address: Address, length: number): Float32Array {
  return new Float32Array(heap.memory.buffer, address, length);
}

/** The same as floats and as integers. */
export function wordsAt(backend: EngineBackend, address: Address, length: number): Words {
  const integers = new Int32Array(backend.heap.memory.buffer, address, length);
  return { integers, floats: floatsAt(backend, address, length) };
}
