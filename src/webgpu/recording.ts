// A recorded computation, which is repeated by giving the GPU the same commands again: the part of WebGPU in
// src/tensor/recorder.ts.

import type { Recording } from '../tensor/recorder.ts';
import { tf } from '../tensor/tf.ts';
import type { WebGpuBackend } from './backend.ts';
import type { Kept } from './memory.ts';
import type { Place } from './slabs.ts';

interface RecordedOutput {
  readonly shape: number[];
  readonly dtype: tf.DataType;
  readonly place: Place;
}

/** Memory and commands of a computation. */
export class WebGpuRecording implements Recording {
  readonly #backend: WebGpuBackend;
  readonly #kept: Kept;
  readonly #inputs: readonly Place[];
  readonly #variables: readonly tf.Variable[];
  readonly #variablePlaces: readonly Place[];
  readonly #outputs: readonly RecordedOutput[];
  /** The submissions before the commands ran last. */
  #submits: number;

  /** `inputs`: the places that the commands read them from. */
  constructor(
    backend: WebGpuBackend,
    kept: Kept,
    inputs: readonly Place[],
    variables: readonly tf.Variable[],
    variablePlaces: readonly Place[],
    outputs: readonly RecordedOutput[],
  ) {
    this.#backend = backend;
    this.#kept = kept;
    this.#inputs = inputs;
    this.#variables = variables;
    this.#variablePlaces = variablePlaces;
    this.#outputs = outputs;
    this.#submits = backend.commands.work.submits;
  }

  replay(inputs: readonly tf.Tensor[]): tf.Tensor[] | null {
    const { commands } = this.#backend;
    const hasMoved = (variable: tf.Variable, i: number) => {
      const [now, before] = [this.#backend.placeOf(variable), this.#variablePlaces[i]!];
      return now.buffer !== before.buffer || now.offset !== before.offset;
    };
    if (this.#variables.some(hasMoved)) return null;
    // The host writes at once, before commands that were not submitted.
    if (this.#submits === commands.work.submits) commands.submit();
    for (const [i, input] of inputs.entries()) this.#backend.fill(this.#inputs[i]!, input);
    for (const dispatch of this.#kept.dispatches) commands.run(dispatch);
    this.#submits = commands.work.submits;
    return this.#outputs.map((output) =>
      tf.engine().makeTensorFromTensorInfo(this.#backend.borrow({ ...output, dataId: {} }, output.place)),
    );
  }

  dispose(): void {
    // What was submitted and uses this memory still runs to its end: WebGPU keeps it until then.
    this.#backend.commands.submit();
    this.#kept.slabs.dispose();
    this.#kept.constants.dispose();
    this.#backend.places.trim();
  }
}
