// What a variant of the engine must get right before it is used, and how fast it is.

import type { Exports } from './module.ts';

const scratchAt = 65536;
const leftAt = 2 * 65536;
const rightAt = 6 * 65536;
const outAt = 10 * 65536;

/** Repeatable values between -1 and 1. */
const valueAt = (i: number) => ((i * 2654435761) % 4096) / 2048 - 1;

function fill(memory: WebAssembly.Memory, at: number, length: number): Float32Array {
  const values = new Float32Array(memory.buffer, at, length);
  for (let i = 0; i < length; i++) values[i] = Math.fround(valueAt(i + at));
  return values;
}

/** Sizes that are no multiples of any tile, one that is, and one deeper than a panel. */
const products = [
  [1, 1, 1],
  [7, 13, 19],
  [10, 32, 24],
  [13, 17, 300],
] as const;

/** Multiplies small matrices in all four ways and compares with a plain loop; says what is wrong, or null. */
export function checkKernels(exports: Exports, memory: WebAssembly.Memory): string | null {
  exports.initThread!(0, scratchAt);
  for (const [m, n, k] of products) {
    for (const way of [0, 1, 2, 3]) {
      const [transposeA, transposeB] = [way & 1, way >> 1];
      const a = fill(memory, leftAt, m * k);
      const b = fill(memory, rightAt, k * n);
      const c = fill(memory, outAt, m * n);
      exports.gemm!(leftAt, rightAt, outAt, 1, m, n, k, transposeA, transposeB, 0, 0, 0, 0, 0);
      for (let i = 0; i < m * n; i++) {
        const [row, column] = [Math.floor(i / n), i % n];
        let [expected, size] = [0, 0];
        for (let p = 0; p < k; p++) {
          const term = a[transposeA ? p * m + row : row * k + p]! * b[transposeB ? column * k + p : p * n + column]!;
          expected += term;
          size += Math.abs(term);
        }
        // Each of k additions rounds by at most half a unit (6e-8) of a sum that is no larger than `size`.
        if (Math.abs(c[i]! - expected) > k * 6e-8 * size) return `wrong product of ${m} x ${k} x ${n}`;
      }
    }
  }
  return null;
}

/** GFLOP/s of a small matrix product on this thread: the best of a few runs, after the compiler has optimised it. */
export function measureSpeed(exports: Exports, memory: WebAssembly.Memory): number {
  const [m, n, k] = [120, 96, 128];
  fill(memory, leftAt, m * k);
  fill(memory, rightAt, k * n);
  const run = () => exports.gemm!(leftAt, rightAt, outAt, 1, m, n, k, 0, 0, 0, 0, 0, 0, 0);
  const timed = (times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) run();
    return (performance.now() - start) / times;
  };
  // V8 compiles a function again, optimised, after it has run for a while, and in the background.
  const deadline = performance.now() + 60;
  while (performance.now() < deadline) run();
  const milliseconds = Math.min(...Array.from({ length: 12 }, () => timed(3)));
  return (2 * m * n * k) / milliseconds / 1e6;
}
