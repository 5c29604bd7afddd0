// How two operands of any rank lie in memory, in as few axes as possible.

import type { EngineBackend } from '../backend.ts';

/** Axes that the module walks: three outer ones and a row. */
const mostAxes = 4;

/**
 * Axes of a walk over two operands, innermost first: their lengths and the elements from one step to the next in `a`
 * and in `b` (0 repeats an operand). Neighbours that both operands step through as if they were one are made one.
 *
 * One object serves all calls of a kernel: it is cleared, not made again.
 *
 * Example: [2, 3, 5] with [3, 5] is a row of 15, contiguous in both, and an axis of 2 with steps 15 and 0.
 */
export class StridedAxes {
  readonly lengths = [1, 1, 1, 1];
  readonly a = [0, 0, 0, 0];
  readonly b = [0, 0, 0, 0];
  /** Axes longer than 1 that were added, after merging. */
  count = 0;
  /** Elements of the walk. */
  size = 1;

  clear(): void {
    for (let i = 0; i < mostAxes; i++) {
      this.lengths[i] = 1;
      this.a[i] = 0;
      this.b[i] = 0;
    }
    this.count = 0;
    this.size = 1;
  }

  /** Whether the module can walk these axes. */
  get fit(): boolean {
    return this.count <= mostAxes;
  }

  /** Tells the module of the walk that the next kernel takes. */
  describe({ exports }: EngineBackend): void {
    const { size, lengths, a, b } = this;
    const [width, length2, length1] = lengths as [number, number, number];
    const [aStep, a2, a1, a0] = a as [number, number, number, number];
    const [bStep, b2, b1, b0] = b as [number, number, number, number];
    exports.describeRows(size, width, length1, length2, a0, a1, a2, aStep, b0, b1, b2, bStep);
  }

  /** Adds the next axis outwards. */
  add(length: number, a: number, b: number): void {
    this.size *= length;
    if (length === 1) return;
    const last = this.count - 1;
    if (last >= 0 && last < mostAxes) {
      const inside = this.lengths[last]!;
      if (a === this.a[last]! * inside && b === this.b[last]! * inside) {
        this.lengths[last] = inside * length;
        return;
      }
    }
    if (this.count < mostAxes) {
      this.lengths[this.count] = length;
      this.a[this.count] = a;
      this.b[this.count] = b;
    }
    this.count++;
  }
}
