// A computation that is made again and again on tensors of the same shapes: a training step's forward and backward
// pass.
//
// TF.js takes some microseconds for each operation and its place on the tape, which for a small model is longer than
// the operation. Where the backend can record, the second run with the same key is recorded, and from the third on only
// the kernels run. The bits are the same.

import { activeRecorder, type Recording } from './recorder.ts';
import type { tf } from './tf.ts';

export class Repeated {
  #key: string | null = null;
  #recording: Recording | null = null;
  /** Whether recording has not been tried yet with the current key. */
  #isOpen = false;

  /**
   * The results of `body(inputs)`. They are valid until the next run or `dispose`; the handles are the caller's to
   * dispose.
   *
   * `key` must stand for everything, other than tensors, that `body` depends on; `variables` are those it uses. See
   * `Recorder`.
   */
  run(
    key: string,
    inputs: readonly tf.Tensor[],
    variables: readonly tf.Variable[],
    body: (inputs: tf.Tensor[]) => tf.Tensor[],
  ): tf.Tensor[] {
    const fullKey = JSON.stringify([key, inputs.map(({ shape, dtype }) => [shape, dtype])]);
    if (fullKey !== this.#key) {
      this.#forget(fullKey);
      return body([...inputs]);
    }
    const repeated = this.#recording?.replay(inputs) ?? null;
    if (repeated !== null) return repeated;
    if (this.#recording !== null) {
      this.#forget(fullKey);
      return body([...inputs]);
    }
    const recorder = this.#isOpen ? activeRecorder() : null;
    this.#isOpen = false;
    if (recorder === null) return body([...inputs]);
    const { outputs, recording } = recorder.record(inputs, variables, body);
    this.#recording = recording;
    return outputs;
  }

  dispose(): void {
    this.#forget(null);
  }

  #forget(key: string | null): void {
    this.#recording?.dispose();
    this.#recording = null;
    this.#key = key;
    this.#isOpen = key !== null;
  }
}
