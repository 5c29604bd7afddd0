// Scores of all experts for one token, from a row of router logits.

import { exp4, horizontalSum, sigmoid1, sigmoid4 } from '../shared/simd';
import { divideRow, largestOf } from '../shared/softmax-row';

/** y = sigmoid(x). */
export function sigmoidRow(x: usize, y: usize, size: i32): void {
  let i = 0;
  for (; i + 8 <= size; i += 8, x += 32, y += 32) {
    // Both before either is stored: V8 does not join two stores that have a load between them.
    const a = sigmoid4(v128.load(x));
    const b = sigmoid4(v128.load(x, 16));
    v128.store(y, a);
    v128.store(y, b, 16);
  }
  for (; i < size; i++, x += 4, y += 4) store<f32>(y, sigmoid1(load<f32>(x)));
}

/**
 * y = sigmoid(x) / sum(sigmoid(x)), also where all of them underflow.
 *
 * sigmoid(x) = e^min(x, 0) / (1 + e^-|x|), whose numerator is taken relative to the largest.
 */
export function sigmoidSharesRow(x: usize, y: usize, size: i32): void {
  const one = f32x4.splat(1);
  const top = f32x4.splat(min<f32>(largestOf(x, size), 0));
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 8 <= size; i += 8) {
    const at = (<usize>i) << 2;
    const a = relativeSigmoid(v128.load(x + at), top, one);
    const b = relativeSigmoid(v128.load(x + at, 16), top, one);
    v128.store(y + at, a);
    v128.store(y + at, b, 16);
    sums = f32x4.add(f32x4.add(sums, a), b);
  }
  let sum = horizontalSum(sums);
  for (; i < size; i++) {
    const at = (<usize>i) << 2;
    const share = f32x4.extract_lane(relativeSigmoid(v128.load32_splat(x + at), top, one), 0);
    store<f32>(y + at, share);
    sum += share;
  }
  divideRow(y, size, sum);
}

@inline
function relativeSigmoid(x: v128, top: v128, one: v128): v128 {
  const numerator = exp4(f32x4.sub(f32x4.min(x, f32x4.splat(0)), top));
  return f32x4.div(numerator, f32x4.add(one, exp4(f32x4.neg(f32x4.abs(x)))));
}
