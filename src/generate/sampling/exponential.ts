// e^x for the weights of tokens, as a function that is compiled together with the loop around it.
//
// `Math.exp` is a C++ function. After a pass of the engine, a call of it took eight times as long as otherwise (0.2 and
// 0.03 microseconds), presumably because the kernels leave the upper halves of vector registers in use. Choosing a
// token takes one call for each token of the vocabulary.

/** Smaller arguments give 0: the sum of a whole vocabulary of them is nothing beside the best token's 1. */
const smallest = -700;

// ln 2 in two parts, of which n times the first is exact (fdlibm, e_exp.c).
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

/** 2^0, 2^-1, ... as far as `SMALLEST` needs. */
const powers = Float64Array.from({ length: Math.ceil(-smallest * Math.LOG2E) + 1 }, (_, n) => 2 ** -n);

/**
 * e^x for x <= 0, to two units in the last place; NaN for NaN.
 *
 * x = r - n * ln 2 with |r| <= ln 2 / 2, where the Taylor series to the 13th power is exact up to rounding.
 */
export function exponential(x: number): number {
  if (x < smallest) return 0;
  const n = Math.floor(0.5 - x * Math.LOG2E);
  const r = x + n * ln2High + n * ln2Low;
  let sum = 1 / 6227020800;
  sum = sum * r + 1 / 479001600;
  sum = sum * r + 1 / 39916800;
  sum = sum * r + 1 / 3628800;
  sum = sum * r + 1 / 362880;
  sum = sum * r + 1 / 40320;
  sum = sum * r + 1 / 5040;
  sum = sum * r + 1 / 720;
  sum = sum * r + 1 / 120;
  sum = sum * r + 1 / 24;
  sum = sum * r + 1 / 6;
  sum = sum * r + 1 / 2;
  sum = sum * r + 1;
  sum = sum * r + 1;
  return sum * powers[n]!;
}
