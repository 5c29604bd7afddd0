// The compiled module: an instance of it over a memory.

import type { Exports } from './exports.ts';

/**
 * An instance for the calling thread. While it waits long for other threads, it calls `stalled` with 1, 2, ..., which
 * may throw.
 */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  stalled: (time: number) => void,
): Exports {
  return new WebAssembly.Instance(module, { env: { memory, stalled } }).exports as unknown as Exports;
}
