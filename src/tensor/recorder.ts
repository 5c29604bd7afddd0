// What a backend may offer: to run a computation once through TF.js, and from then on to repeat its kernels without it.

import { tf } from './tf.ts';

/** Kernels in the order in which they ran, on tensors that stay where they are. */
export interface Recording {
  /**
   * Runs the kernels again on other values of the inputs. The results are valid until the next call or `dispose`; the
   * handles are the caller's to dispose.
   *
   * Returns null if something is not as it was: a variable has moved in memory, or a kernel returned something else.
   * The caller then has to run the computation itself.
   */
  replay(inputs: readonly tf.Tensor[]): tf.Tensor[] | null;
  dispose(): void;
}

/** What `record` found. */
export interface Recorded {
  /** The outputs of this first run; they belong to the caller. */
  readonly outputs: tf.Tensor[];
  /** Null when it cannot be repeated: something in it was computed in JavaScript. */
  readonly recording: Recording | null;
}

/** A backend that can record. */
export interface Recorder {
  /**
   * Runs `body` on copies of `inputs`. It may use `variables`, which stay where they are while their values change, and
   * no other tensors that will not outlive the recording; what it does must depend on shapes and on nothing else.
   */
  record(
    inputs: readonly tf.Tensor[],
    variables: readonly tf.Variable[],
    body: (inputs: tf.Tensor[]) => tf.Tensor[],
  ): Recorded;
}

/** The active backend, if it can record. */
export function activeRecorder(): Recorder | null {
  const backend = tf.backend() as object;
  return 'record' in backend ? (backend as Recorder) : null;
}
