// Rows of consecutive positions in one tensor: the latents of a sequence in a layer, or its latest hidden states.

import { tf } from '../../tensor/tf.ts';

/** Rows [count, width] of positions `from` to `from + count - 1`; owns its tensor. */
export class RowWindow {
  #from = 0;
  #rows: tf.Tensor2D | null = null;

  /** Puts rows at a position, keeps those before it, forgets those after. The result stays the window's. */
  write(position: number, rows: tf.Tensor2D): tf.Tensor2D {
    const before = this.#rows === null ? 0 : Math.min(position - this.#from, this.#rows.shape[0]);
    if (before <= 0) this.#from = position;
    return this.#replace(
      before <= 0 ? tf.clone(rows) : tf.tidy(() => tf.concat([this.read(this.#from, before), rows], 0)),
    );
  }

  /** A copy of some rows; it is the caller's. */
  read(position: number, count: number): tf.Tensor2D {
    const rows = this.#rows!;
    return tf.slice(rows, [position - this.#from, 0], [count, rows.shape[1]]);
  }

  /** Forgets what is before a position. */
  forget(before: number): void {
    if (this.#rows === null || before <= this.#from) return;
    const left = this.#rows.shape[0] - (before - this.#from);
    if (left <= 0) {
      this.clear();
      return;
    }
    const rows = this.read(before, left);
    this.#from = before;
    this.#replace(rows);
  }

  copy(other: RowWindow): void {
    this.clear();
    this.#from = other.#from;
    if (other.#rows !== null) this.#replace(tf.clone(other.#rows));
  }

  clear(): void {
    this.#rows?.dispose();
    this.#rows = null;
  }

  #replace(rows: tf.Tensor2D): tf.Tensor2D {
    this.#rows?.dispose();
    this.#rows = tf.keep(rows);
    return rows;
  }
}
