// What an optimizer step does to all parameters at once beside AdamW: global norm of the gradients, moving average.
//
// A job walks a table with one row for each block of a tensor, so parameters of all sizes are one fork-join. The cuts
// between blocks are fixed, not made by threads. Products and sums are rounded one by one, in the order of the ops that
// `src/ops` states, so parameters have the same bits as on the cpu backend; memory is the limit here, not arithmetic.

import { horizontalSum } from './shared/simd';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class NormBlock {
  elements: i32;
  gradient: usize;
}

@unmanaged
class NormJob {
  table: usize;
  sums: usize;
}

/** Elements whose squares are added in float32 before they go to float64. */
const RUN: i32 = 512;

/**
 * L2 norm of everything in the table, to `norm` (one float).
 *
 * `sums` has room for one float64 a block. A sum over blocks is allowed to be split because blocks do not depend on the
 * number of threads: their sums are added in order.
 */
export function globalNorm(table: usize, blocks: i32, sums: usize, norm: usize): void {
  const job = changetype<NormJob>(ARGUMENTS);
  job.table = table;
  job.sums = sums;
  run(normChunk, blocks);
  let sum: f64 = 0;
  for (let block = 0; block < blocks; block++) sum += load<f64>(sums + ((<usize>block) << 3));
  store<f32>(norm, <f32>sqrt<f64>(sum));
}

function normChunk(chunk: i32): void {
  const job = changetype<NormJob>(ARGUMENTS);
  const block = changetype<NormBlock>(job.table + <usize>chunk * offsetof<NormBlock>());
  let sum: f64 = 0;
  for (let i = 0; i < block.elements; i += RUN) {
    sum += <f64>sumOfSquares(block.gradient + ((<usize>i) << 2), min(RUN, block.elements - i));
  }
  store<f64>(job.sums + ((<usize>chunk) << 3), sum);
}

function sumOfSquares(x: usize, length: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= length; i += 8, x += 32) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    s0 = f32x4.add(s0, f32x4.mul(x0, x0));
    s1 = f32x4.add(s1, f32x4.mul(x1, x1));
  }
  let sum = horizontalSum(f32x4.add(s0, s1));
  for (; i < length; i++, x += 4) sum += load<f32>(x) * load<f32>(x);
  return sum;
}

@unmanaged
class EmaBlock {
  elements: i32;
  average: usize;
  parameter: usize;
}

@unmanaged
class EmaJob {
  table: usize;
  rest: f32;
}

/** average += (parameter - average) * rest, in place. */
export function emaUpdate(table: usize, blocks: i32, rest: f32): void {
  const job = changetype<EmaJob>(ARGUMENTS);
  job.table = table;
  job.rest = rest;
  run(emaChunk, blocks);
}

function emaChunk(chunk: i32): void {
  const job = changetype<EmaJob>(ARGUMENTS);
  const block = changetype<EmaBlock>(job.table + <usize>chunk * offsetof<EmaBlock>());
  const rest = f32x4.splat(job.rest);
  let average = block.average;
  let parameter = block.parameter;
  let i = 0;
  for (; i + 8 <= block.elements; i += 8, average += 32, parameter += 32) {
    const a0 = v128.load(average);
    const a1 = v128.load(average, 16);
    const d0 = f32x4.sub(v128.load(parameter), a0);
    const d1 = f32x4.sub(v128.load(parameter, 16), a1);
    v128.store(average, f32x4.add(a0, f32x4.mul(d0, rest)));
    v128.store(average, f32x4.add(a1, f32x4.mul(d1, rest)), 16);
  }
  for (; i < block.elements; i++, average += 4, parameter += 4) {
    const a = load<f32>(average);
    store<f32>(average, a + (load<f32>(parameter) - a) * job.rest);
  }
}
