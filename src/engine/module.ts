// The compiled module: its exports, and an instance of it over a memory.

/** The exports of the module by name; src/engine/assembly has their parameters. Pointers and sizes are plain numbers. */
export type Exports = Readonly<Record<string, (...args: number[]) => number>>;

/** An instance for the calling thread; `stalled` is called, with 1, 2, ..., while it waits long for other threads, and may throw. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  stalled: (time: number) => void,
): Exports {
  return new WebAssembly.Instance(module, { env: { memory, stalled } }).exports as unknown as Exports;
}
