// The sum of the gradients of micro-batches, in their order, in whatever order a schedule makes them.
//
// Plain training adds the gradients of one micro-batch after the other. Sums of float32 depend on the order, so what
// comes early waits here for those before it. In DualPipe two ranks hold a stage: the second one adds its micro-batches
// to the sum of the first, so until that has come, all of its gradients wait.

import { tf } from '../../tensor/tf.ts';

export class OrderedSum {
  #next: number;
  #sum: readonly tf.Tensor[] | null = null;
  /** Whether the sum of the micro-batches before the first one here is there, or there are none. */
  #isOpen: boolean;
  readonly #waiting = new Map<number, readonly tf.Tensor[]>();

  /** Begins at micro-batch `first`. If that is not 0, the sum of those before it has to be given by `begin`. */
  constructor(first: number) {
    this.#next = first;
    this.#isOpen = first === 0;
  }

  /** Takes over the gradients of a micro-batch. */
  add(microBatch: number, gradients: readonly tf.Tensor[]): void {
    this.#waiting.set(microBatch, gradients);
    this.#addUp();
  }

  /** Takes over the sum of all micro-batches before the first one here. */
  begin(sum: readonly tf.Tensor[]): void {
    this.#sum = sum;
    this.#isOpen = true;
    this.#addUp();
  }

  /** The sum, which belongs to the caller. */
  take(): readonly tf.Tensor[] {
    const sum = this.#sum;
    if (sum === null || this.#waiting.size > 0) throw new Error('internal: gradients of a micro-batch are missing');
    this.#sum = null;
    return sum;
  }

  #addUp(): void {
    for (let own = this.#isOpen && this.#waiting.get(this.#next); own; own = this.#waiting.get(this.#next)) {
      const sum = this.#sum;
      this.#waiting.delete(this.#next++);
      this.#sum = sum === null ? own : own.map((gradient, i) => tf.add(sum[i]!, gradient));
      if (sum !== null) tf.dispose([...sum, ...own]);
    }
  }
}
