// Memory of the engine outside of tensors.

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

/**
 * A view of numbers in the engine's memory. Make a new one for each use: memory that is not shared gets a new buffer
 * when it grows.
 */
export function floatsAt({ heap }: EngineBackend, address: Address, length: number): Float32Array {
  return new Float32Array(heap.memory.buffer, address, length);
}

/** The same of integers. */
export function integersAt({ heap }: EngineBackend, address: Address, length: number): Int32Array {
  return new Int32Array(heap.memory.buffer, address, length);
}

/** A view of numbers in the engine's memory, as floats and as integers. */
export function wordsAt(backend: EngineBackend, address: Address, length: number): Words {
  return { integers: integersAt(backend, address, length), floats: floatsAt(backend, address, length) };
}
