// Recorded kernels, which can be repeated: the engine's part of src/tensor/recorder.ts.

import type { Recording } from '../tensor/recorder.ts';
import { tf } from '../tensor/tf.ts';
import type { Address } from './address.ts';
import type { Arena } from './arena.ts';
import type { EngineBackend } from './backend.ts';
import type { Exports } from './exports.ts';

/** Any function of the module. */
type Kernel = (...args: (number | boolean)[]) => number | undefined;

/** A call of a function of the module. */
export interface Call {
  readonly kernel: Kernel;
  readonly args: readonly (number | boolean)[];
  /** The result: a size of a work space, or whether an index is in range. Another result means another computation. */
  readonly result: number | undefined;
}

/** The functions of the module, which note their calls in `calls`. */
export function notingExports(exports: Exports, calls: Call[]): Exports {
  const noting = ([name, kernel]: [string, Kernel]) => {
    if (typeof kernel !== 'function') return [name, kernel];
    const note: Kernel = (...args) => {
      const result = kernel(...args);
      calls.push({ kernel, args, result });
      return result;
    };
    return [name, note];
  };
  return Object.fromEntries(Object.entries(exports as unknown as Record<string, Kernel>).map(noting));
}

interface Placed<T> {
  readonly what: T;
  readonly address: Address;
}

/** Memory, calls and addresses of a recorded computation. */
export class EngineRecording implements Recording {
  readonly #backend: EngineBackend;
  readonly #arena: Arena;
  readonly #calls: readonly Call[];
  readonly #inputs: readonly Address[];
  readonly #variables: readonly Placed<tf.Variable>[];
  readonly #outputs: readonly Placed<tf.TensorInfo>[];

  /** `inputs`: the addresses that the calls read them from. */
  constructor(
    backend: EngineBackend,
    arena: Arena,
    calls: readonly Call[],
    inputs: readonly Address[],
    variables: readonly tf.Variable[],
    outputs: readonly tf.TensorInfo[],
  ) {
    this.#backend = backend;
    this.#arena = arena;
    this.#calls = calls;
    this.#inputs = inputs;
    this.#variables = variables.map((what) => ({ what, address: backend.address(what) }));
    this.#outputs = outputs.map(({ shape, dtype, dataId }) => {
      return { what: { shape, dtype, dataId }, address: backend.address({ shape, dtype, dataId }) };
    });
  }

  replay(inputs: readonly tf.Tensor[]): tf.Tensor[] | null {
    const { address, exports } = this.#backend;
    if (this.#variables.some((variable) => address(variable.what) !== variable.address)) return null;
    for (const [i, input] of inputs.entries()) exports.copyWords(address(input), this.#inputs[i]!, input.size);
    for (const { kernel, args, result } of this.#calls) if (kernel(...args) !== result) return null;
    return this.#outputs.map(({ what, address }) =>
      tf.engine().makeTensorFromTensorInfo(this.#backend.borrow(what, address)),
    );
  }

  dispose(): void {
    this.#backend.heap.dissolve(this.#arena);
  }
}
