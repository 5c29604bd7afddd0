// Element by element of one operand.
//
// Tensors lie in blocks of whole cache lines, so the last eight elements may lie past the end of input and output.

import { log4, softplus4 } from './math';
import { UnaryOp } from '../operations';
import { exp4, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class UnaryJob {
  x: usize;
  y: usize;
  size: i32;
  alpha: f32;
}

/** Elements of a chunk: a chunk costs about a tenth of a microsecond. */
const CHUNK: i32 = 8192;

/** `alpha` is what `Step` gives for numbers that are not positive. */
export function unary(op: i32, x: usize, y: usize, size: i32, alpha: f32): void {
  const job = changetype<UnaryJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.size = size;
  job.alpha = alpha;
  const chunks = (size + CHUNK - 1) / CHUNK;
  if (op == UnaryOp.Neg) run((chunk: i32) => map(UnaryOp.Neg, chunk), chunks);
  else if (op == UnaryOp.Square) run((chunk: i32) => map(UnaryOp.Square, chunk), chunks);
  else if (op == UnaryOp.Sqrt) run((chunk: i32) => map(UnaryOp.Sqrt, chunk), chunks);
  else if (op == UnaryOp.Rsqrt) run((chunk: i32) => map(UnaryOp.Rsqrt, chunk), chunks);
  else if (op == UnaryOp.Exp) run((chunk: i32) => map(UnaryOp.Exp, chunk), chunks);
  else if (op == UnaryOp.Sigmoid) run((chunk: i32) => map(UnaryOp.Sigmoid, chunk), chunks);
  else if (op == UnaryOp.Reciprocal) run((chunk: i32) => map(UnaryOp.Reciprocal, chunk), chunks);
  else if (op == UnaryOp.Abs) run((chunk: i32) => map(UnaryOp.Abs, chunk), chunks);
  else if (op == UnaryOp.Relu) run((chunk: i32) => map(UnaryOp.Relu, chunk), chunks);
  else if (op == UnaryOp.Step) run((chunk: i32) => map(UnaryOp.Step, chunk), chunks);
  else if (op == UnaryOp.Log) run((chunk: i32) => map(UnaryOp.Log, chunk), chunks);
  else run((chunk: i32) => map(UnaryOp.Softplus, chunk), chunks);
}

@inline
function apply(op: i32, x: v128, alpha: v128): v128 {
  if (op == UnaryOp.Neg) return f32x4.neg(x);
  if (op == UnaryOp.Square) return f32x4.mul(x, x);
  if (op == UnaryOp.Sqrt) return f32x4.sqrt(x);
  if (op == UnaryOp.Rsqrt) return f32x4.div(f32x4.splat(1), f32x4.sqrt(x));
  if (op == UnaryOp.Exp) return exp4(x);
  if (op == UnaryOp.Sigmoid) return sigmoid4(x);
  if (op == UnaryOp.Reciprocal) return f32x4.div(f32x4.splat(1), x);
  if (op == UnaryOp.Abs) return f32x4.abs(x);
  if (op == UnaryOp.Relu) return f32x4.max(x, f32x4.splat(0));
  if (op == UnaryOp.Log) return log4(x);
  if (op == UnaryOp.Softplus) return softplus4(x);
  const step = v128.bitselect(f32x4.splat(1), alpha, f32x4.gt(x, f32x4.splat(0)));
  return v128.bitselect(step, x, f32x4.eq(x, x)); // NaN in, NaN out
}

@inline
function map(op: i32, chunk: i32): void {
  const job = changetype<UnaryJob>(ARGUMENTS);
  const alpha = f32x4.splat(job.alpha);
  const first = chunk * CHUNK;
  let x = job.x + (<usize>first << 2);
  let y = job.y + (<usize>first << 2);
  const end = x + (<usize>min(CHUNK, job.size - first) << 2);
  for (; x < end; x += 32, y += 32) {
    const y0 = apply(op, v128.load(x), alpha);
    const y1 = apply(op, v128.load(x, 16), alpha);
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
}
