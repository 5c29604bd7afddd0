// The norm of gradients that lie on several ranks, with the bits that it has on one.
//
// Clipping multiplies every gradient by a number that depends on all of them. Each rank computes the sums of squares of
// its own gradients, block by block as the engine's kernel does (`globalNorm` in src/engine/assembly/optimizer.ts), and
// the sums of all blocks are added in the order of the parameters.

/** Elements whose squares are added up to one float64. */
const blockElements = 16384;
/** Elements whose squares are added in float32 before they go to float64. */
const runElements = 512;
/** Sums that a run keeps side by side: two vectors of four. */
const lanes = 8;

const { fround } = Math;

/** The sum of squares of each block of a tensor. */
export function blockSquares(values: Float32Array): number[] {
  const sums: number[] = [];
  for (let from = 0; from < values.length; from += blockElements) {
    const end = Math.min(values.length, from + blockElements);
    let sum = 0;
    for (let i = from; i < end; i += runElements) sum += runOfSquares(values, i, Math.min(end, i + runElements));
    sums.push(sum);
  }
  return sums;
}

const side = new Float32Array(lanes);

function runOfSquares(values: Float32Array, from: number, to: number): number {
  side.fill(0);
  let i = from;
  for (; i + lanes <= to; i += lanes) {
    for (let lane = 0; lane < lanes; lane++) {
      const value = values[i + lane]!;
      side[lane] = side[lane]! + fround(value * value);
    }
  }
  const four = (k: number) => fround(side[k]! + side[k + 4]!);
  let sum = fround(fround(four(0) + four(1)) + fround(four(2) + four(3)));
  for (; i < to; i++) sum = fround(sum + fround(values[i]! * values[i]!));
  return sum;
}

/** The norm as float32, from the sums of all blocks in order. */
export function normOfSquares(blocks: Iterable<number>): number {
  let sum = 0;
  for (const block of blocks) sum += block;
  return fround(Math.sqrt(sum));
}
