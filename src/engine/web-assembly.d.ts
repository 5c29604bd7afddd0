// The part of the WebAssembly API that the engine uses: TypeScript has it in its DOM library only, which would bring
// all of a page's globals with it.

declare namespace WebAssembly {
  class Module {
    private readonly brand: unknown;
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: boolean });
    readonly buffer: ArrayBuffer;
    /** Adds pages of 64 KiB; throws a RangeError when it cannot. */
    grow(pages: number): number;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
