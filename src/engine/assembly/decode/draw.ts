// Tokens drawn from rows of logits, on all threads: no filter, only a temperature.
//
// It is `TokenDistribution` and `exponential` of src/generate/sampling in numbers of 64 bits, operation by operation and
// in the same order, so tokens and probabilities have the bits of those.

import { mostLikely } from './greedy';
import { largestOf } from '../shared/softmax-row';
import { ARGUMENTS, SCRATCH_BYTES, run, scratch } from '../shared/threads';

/** Weights that are held at a time: a thread's scratch. */
const BLOCK: i32 = SCRATCH_BYTES / 8;

@unmanaged
class DrawJob {
  temperature: f64;
  logits: usize;
  vocabulary: i32;
  greedy: bool;
  rows: usize;
  quantiles: usize;
  tokens: usize;
  probabilities: usize;
}

// The series of `exponential`, from its last term on, and what else it needs. A constant vector would be built anew
// wherever it is used; loading a number into both lanes is one instruction.
const SERIES: usize = memory.data<f64>([
  1.0 / 6227020800.0,
  1.0 / 479001600.0,
  1.0 / 39916800.0,
  1.0 / 3628800.0,
  1.0 / 362880.0,
  1.0 / 40320.0,
  1.0 / 5040.0,
  1.0 / 720.0,
  1.0 / 120.0,
  1.0 / 24.0,
  1.0 / 6.0,
  0.5,
  1.0,
  1.4426950408889634, // 1 / ln 2
  0.6931471803691238, // ln 2 in two parts
  1.9082149292705877e-10,
  -700.0, // the smallest argument; below it the result is 0
  6755399441055744.0, // 1.5 * 2^52: the sum with a small number has its nearest integer in the lowest bits
]);

@inline
function constant(index: i32): v128 {
  return v128.load64_splat(SERIES + (<usize>index << 3));
}

/** `exponential` of two numbers that are at most 0. */
@inline
function exponentialTwo(x: v128): v128 {
  const rounder = constant(17);
  const above = f64x2.sub(constant(11), f64x2.mul(x, constant(13)));
  // The integer below: V8 joins these operations to wider ones, which it does not do with f64x2.floor.
  const nearest = f64x2.sub(f64x2.add(above, rounder), rounder);
  const n = f64x2.sub(nearest, v128.and(f64x2.gt(nearest, above), constant(12)));
  const r = f64x2.add(f64x2.add(x, f64x2.mul(n, constant(14))), f64x2.mul(n, constant(15)));
  let sum = constant(0);
  sum = f64x2.add(f64x2.mul(sum, r), constant(1));
  sum = f64x2.add(f64x2.mul(sum, r), constant(2));
  sum = f64x2.add(f64x2.mul(sum, r), constant(3));
  sum = f64x2.add(f64x2.mul(sum, r), constant(4));
  sum = f64x2.add(f64x2.mul(sum, r), constant(5));
  sum = f64x2.add(f64x2.mul(sum, r), constant(6));
  sum = f64x2.add(f64x2.mul(sum, r), constant(7));
  sum = f64x2.add(f64x2.mul(sum, r), constant(8));
  sum = f64x2.add(f64x2.mul(sum, r), constant(9));
  sum = f64x2.add(f64x2.mul(sum, r), constant(10));
  sum = f64x2.add(f64x2.mul(sum, r), constant(11));
  sum = f64x2.add(f64x2.mul(sum, r), constant(12));
  sum = f64x2.add(f64x2.mul(sum, r), constant(12));
  // 2^-n by its exponent, 1023 - n, of which shifting leaves twelve bits; n is 0 to 1010.
  const power = i64x2.shl(i64x2.sub(i64x2.splat(1023), f64x2.add(n, rounder)), 52);
  return v128.andnot(f64x2.mul(sum, power), f64x2.lt(x, constant(16)));
}

/**
 * Draws `count` tokens, each from the row of `logits` [rows, vocabulary] that `rows` [count] names, at the quantile that
 * `quantiles` [count] (64 bits) has for it; or, where `greedy`, takes the most likely one.
 *
 * Writes `tokens` [count], -1 where no logit is a number, and `probabilities` [count] (64 bits): how likely the token
 * was at this temperature, NaN where logits are not numbers.
 */
export function drawTokens(
  logits: usize,
  vocabulary: i32,
  temperature: f64,
  greedy: bool,
  rows: usize,
  quantiles: usize,
  tokens: usize,
  probabilities: usize,
  count: i32,
): void {
  const job = changetype<DrawJob>(ARGUMENTS);
  job.temperature = temperature;
  job.logits = logits;
  job.vocabulary = vocabulary;
  job.greedy = greedy;
  job.rows = rows;
  job.quantiles = quantiles;
  job.tokens = tokens;
  job.probabilities = probabilities;
  run(drawChunk, count);
}

function drawChunk(draw: i32): void {
  const job = changetype<DrawJob>(ARGUMENTS);
  const size = job.vocabulary;
  const at = <usize>draw;
  const logits = job.logits + ((<usize>load<i32>(job.rows + (at << 2)) * <usize>size) << 2);
  const largest = largestOf(logits, size);
  const total = sumOfWeights(job, logits, largest);
  const token = job.greedy
    ? mostLikely(logits, size)
    : tokenAt(job, logits, largest, load<f64>(job.quantiles + (at << 3)) * total);
  store<i32>(job.tokens + (at << 2), token);
  let probability: f64 = NaN;
  if (token >= 0 && total > 0 && total < Infinity) {
    const x = (<f64>load<f32>(logits + (<usize>token << 2)) - <f64>largest) / job.temperature;
    probability = f64x2.extract_lane(exponentialTwo(f64x2.splat(x)), 0) / total;
  }
  store<f64>(job.probabilities + (at << 3), probability);
}

/** The sum of all weights. Where BLOCK holds them all, they are in scratch afterwards. */
function sumOfWeights(job: DrawJob, logits: usize, largest: f32): f64 {
  let total: f64 = 0;
  for (let first = 0; first < job.vocabulary; first += BLOCK) {
    const size = min(BLOCK, job.vocabulary - first);
    total = weigh(logits + (<usize>first << 2), size, largest, job.temperature, total);
  }
  return total;
}

/** Writes the weights e^((logits - largest) / temperature) to scratch and adds them to `total`, in their order. */
function weigh(logits: usize, size: i32, largest: f32, temperature: f64, total: f64): f64 {
  let weights = scratch;
  for (let i = 0, at = weights; i < size; i++, logits += 4, at += 8) {
    store<f64>(at, (<f64>load<f32>(logits) - <f64>largest) / temperature);
  }
  let i = 0;
  for (; i + 4 <= size; i += 4, weights += 32) {
    const first = exponentialTwo(v128.load(weights));
    const second = exponentialTwo(v128.load(weights, 16));
    v128.store(weights, first);
    v128.store(weights, second, 16);
    total += load<f64>(weights);
    total += load<f64>(weights, 8);
    total += load<f64>(weights, 16);
    total += load<f64>(weights, 24);
  }
  for (; i < size; i++, weights += 8) {
    const weight = f64x2.extract_lane(exponentialTwo(v128.load64_splat(weights)), 0);
    store<f64>(weights, weight);
    total += weight;
  }
  return total;
}

/** The token at which the weights before it and its own exceed `left`; scratch is as `sumOfWeights` left it. */
function tokenAt(job: DrawJob, logits: usize, largest: f32, left: f64): i32 {
  let last: i32 = 0;
  for (let first = 0; first < job.vocabulary; first += BLOCK) {
    const size = min(BLOCK, job.vocabulary - first);
    if (size < job.vocabulary) weigh(logits + (<usize>first << 2), size, largest, job.temperature, 0);
    for (let i = 0; i < size; i++) {
      const weight = load<f64>(scratch + (<usize>i << 3));
      left -= weight;
      if (left < 0) return first + i;
      if (weight > 0) last = first + i;
    }
  }
  // Rounding can leave a remainder; the last token with a positive weight gets it.
  return last;
}
