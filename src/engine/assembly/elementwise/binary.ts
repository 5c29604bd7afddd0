// Element by element of two operands, with broadcasting: sums, products, quotients, ...
//
// Every operation has a loop of its own: `op` and the steps are constants where the inlined functions are used.

import { BinaryOp } from '../operations';
import { ARGUMENTS, run } from '../shared/threads';
import { describeRows, nextRow, rowA, rowB, startRows, StridedRows } from '../shared/strided-rows';

@unmanaged
class BinaryJob extends StridedRows {
  a: usize;
  b: usize;
  out: usize;
}

/** Elements of a chunk: a chunk costs about a tenth of a microsecond. */
const CHUNK: i32 = 8192;

/** Combines the elements that `describeRows` told of, with steps of 0 or 1 within a row; `out` is contiguous. */
export function binary(op: i32, a: usize, b: usize, out: usize): void {
  const job = changetype<BinaryJob>(ARGUMENTS);
  job.a = a;
  job.b = b;
  job.out = out;
  runBinary(op, job.size);
}

/** The same for operands and result that lie in memory alike. */
export function binarySame(op: i32, a: usize, b: usize, out: usize, size: i32): void {
  describeRows(size, size, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1);
  binary(op, a, b, out);
}

function runBinary(op: i32, size: i32): void {
  const chunks = (size + CHUNK - 1) / CHUNK;
  if (op == BinaryOp.Add) run((chunk: i32) => walk(BinaryOp.Add, chunk), chunks);
  else if (op == BinaryOp.Sub) run((chunk: i32) => walk(BinaryOp.Sub, chunk), chunks);
  else if (op == BinaryOp.Multiply) run((chunk: i32) => walk(BinaryOp.Multiply, chunk), chunks);
  else if (op == BinaryOp.RealDiv) run((chunk: i32) => walk(BinaryOp.RealDiv, chunk), chunks);
  else if (op == BinaryOp.Maximum) run((chunk: i32) => walk(BinaryOp.Maximum, chunk), chunks);
  else if (op == BinaryOp.Minimum) run((chunk: i32) => walk(BinaryOp.Minimum, chunk), chunks);
  else run((chunk: i32) => walk(BinaryOp.SquaredDifference, chunk), chunks);
}

@inline
function apply(op: i32, a: v128, b: v128): v128 {
  if (op == BinaryOp.Add) return f32x4.add(a, b);
  if (op == BinaryOp.Sub) return f32x4.sub(a, b);
  if (op == BinaryOp.Multiply) return f32x4.mul(a, b);
  if (op == BinaryOp.RealDiv) return f32x4.div(a, b);
  if (op == BinaryOp.Maximum) return f32x4.max(a, b);
  if (op == BinaryOp.Minimum) return f32x4.min(a, b);
  const difference = f32x4.sub(a, b);
  return f32x4.mul(difference, difference);
}

/** The rows, or parts of rows, that make up a chunk of `out`. */
@inline
function walk(op: i32, chunk: i32): void {
  const job = changetype<BinaryJob>(ARGUMENTS);
  const width = job.width;
  let at = chunk * CHUNK;
  const end = min(job.size, at + CHUNK);
  let column = at % width;
  startRows(job, at / width);
  while (at < end) {
    const n = min(width - column, end - at);
    const a = job.a + (<usize>(rowA + column * job.aStep) << 2);
    const b = job.b + (<usize>(rowB + column * job.bStep) << 2);
    const out = job.out + (<usize>at << 2);
    if (job.aStep == 0) combine(op, 0, 1, a, b, out, n);
    else if (job.bStep == 0) combine(op, 1, 0, a, b, out, n);
    else combine(op, 1, 1, a, b, out, n);
    at += n;
    column = 0;
    nextRow(job);
  }
}

@inline
function combine(op: i32, aStep: usize, bStep: usize, a: usize, b: usize, out: usize, n: i32): void {
  const first = v128.load32_splat(a);
  const second = v128.load32_splat(b);
  let i = 0;
  for (; i + 8 <= n; i += 8, a += aStep * 32, b += bStep * 32, out += 32) {
    const x0 = aStep ? v128.load(a) : first;
    const x1 = aStep ? v128.load(a, 16) : first;
    const y0 = bStep ? v128.load(b) : second;
    const y1 = bStep ? v128.load(b, 16) : second;
    const z0 = apply(op, x0, y0);
    const z1 = apply(op, x1, y1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
  }
  for (; i < n; i++, a += aStep * 4, b += bStep * 4, out += 4) {
    v128.store_lane<f32>(out, apply(op, v128.load32_splat(a), v128.load32_splat(b)), 0);
  }
}
