// The parts of a softmax over a row: its largest, the exponentials of what lies below it, their sum.

import { exp1, exp4, horizontalMax, horizontalSum } from './simd';

/** y = e^x / sum(e^x); x and y may be the same. */
export function softmaxRow(x: usize, y: usize, width: i32): void {
  divideRow(y, width, exponentials(x, y, width, largestOf(x, width)));
}

/** The largest of a row, NaN aside: it comes into the sum anyway, and `pmax` is one instruction where `max` is many. */
export function largestOf(x: usize, width: i32): f32 {
  let m0 = f32x4.splat(-Infinity);
  let m1 = m0;
  let i = 0;
  for (; i + 8 <= width; i += 8, x += 32) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
  }
  let largest = horizontalMax(f32x4.pmax(m0, m1));
  for (; i < width; i++, x += 4) {
    const value = load<f32>(x);
    if (value > largest) largest = value;
  }
  return largest;
}

/** y = e^(x - largest), and their sum; x and y may be the same. */
export function exponentials(x: usize, y: usize, width: i32, largest: f32): f32 {
  const shift = f32x4.splat(largest);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= width; i += 8, x += 32, y += 32) {
    const e0 = exp4(f32x4.sub(v128.load(x), shift));
    const e1 = exp4(f32x4.sub(v128.load(x, 16), shift));
    v128.store(y, e0);
    v128.store(y, e1, 16);
    s0 = f32x4.add(s0, e0);
    s1 = f32x4.add(s1, e1);
  }
  let sum = horizontalSum(f32x4.add(s0, s1));
  for (; i < width; i++, x += 4, y += 4) {
    const e = exp1(load<f32>(x) - largest);
    store<f32>(y, e);
    sum += e;
  }
  return sum;
}

/** The sum of e^(x - largest). */
export function sumOfExponentials(x: usize, width: i32, largest: f32): f32 {
  const shift = f32x4.splat(largest);
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4, x += 16) sums = f32x4.add(sums, exp4(f32x4.sub(v128.load(x), shift)));
  let sum = horizontalSum(sums);
  for (; i < width; i++, x += 4) sum += exp1(load<f32>(x) - largest);
  return sum;
}

/** y /= by. */
export function divideRow(y: usize, width: i32, by: f32): void {
  const divisor = f32x4.splat(by);
  let i = 0;
  for (; i + 8 <= width; i += 8, y += 32) {
    const y0 = f32x4.div(v128.load(y), divisor);
    const y1 = f32x4.div(v128.load(y, 16), divisor);
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
  for (; i < width; i++, y += 4) store<f32>(y, load<f32>(y) / by);
}
