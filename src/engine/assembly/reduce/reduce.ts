// Sums, means and largest elements over neighbouring axes: [outer, length, inner] to [outer, inner].
//
// Long sums are made of partial ones, so that rounding errors do not grow with the length: four vectors at a time, in
// blocks. Blocks have fixed places and a sum belongs to one chunk: results do not depend on the number of threads.

import { ReduceOp } from '../operations';
import { horizontalMax, horizontalSum } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class ReduceJob {
  x: usize;
  y: usize;
  items: i32;
  itemsPerChunk: i32;
  length: i32;
  inner: i32;
  /** Stretches of COLUMNS that the inner axis is made of. */
  stretches: i32;
  divisor: f32;
}

/** Elements a chunk should read at least. */
const CHUNK: i32 = 8192;
/** Elements of a row that are added up in float32; their sums are added in float64. */
const ROW_BLOCK: i32 = 4096;
/** Rows that are added up in registers before their sum goes to memory. */
const COLUMN_BLOCK: i32 = 128;
/** Columns of an item: two cache lines. */
const COLUMNS: i32 = 32;

/** What comes out is divided by `divisor`. Shapes: x [outer, length, inner], y [outer, inner]; none of them empty. */
export function reduce(op: i32, x: usize, y: usize, outer: i32, length: i32, inner: i32, divisor: f32): void {
  const job = changetype<ReduceJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.length = length;
  job.inner = inner;
  job.divisor = divisor;
  job.stretches = (inner + COLUMNS - 1) / COLUMNS;
  job.items = outer * job.stretches;
  const itemSize = length * min(inner, COLUMNS);
  job.itemsPerChunk = max(1, CHUNK / itemSize);
  const chunks = (job.items + job.itemsPerChunk - 1) / job.itemsPerChunk;
  if (op == ReduceOp.Max) {
    if (inner == 1) run((chunk: i32) => reduceRows(ReduceOp.Max, chunk), chunks);
    else run((chunk: i32) => reduceColumns(ReduceOp.Max, chunk), chunks);
  } else {
    if (inner == 1) run((chunk: i32) => reduceRows(ReduceOp.Sum, chunk), chunks);
    else run((chunk: i32) => reduceColumns(ReduceOp.Sum, chunk), chunks);
  }
}

@inline
function start(op: i32): f32 {
  return op == ReduceOp.Max ? -Infinity : 0;
}

@inline
function join(op: i32, a: v128, b: v128): v128 {
  return op == ReduceOp.Max ? f32x4.max(a, b) : f32x4.add(a, b);
}

@inline
function joinOne<T>(op: i32, a: T, b: T): T {
  return op == ReduceOp.Max ? max<T>(a, b) : a + b;
}

@inline
function reduceRows(op: i32, chunk: i32): void {
  const job = changetype<ReduceJob>(ARGUMENTS);
  const length = job.length;
  const first = chunk * job.itemsPerChunk;
  const end = min(job.items, first + job.itemsPerChunk);
  for (let row = first; row < end; row++) {
    const result = reduceRow(op, job.x + (<usize>row * <usize>length << 2), length);
    store<f32>(job.y + (<usize>row << 2), result / job.divisor);
  }
}

@inline
function reduceRow(op: i32, x: usize, length: i32): f32 {
  const result = reduceBlock(op, x, min(length, ROW_BLOCK));
  if (length <= ROW_BLOCK) return result;
  let total = <f64>result;
  for (let from = ROW_BLOCK; from < length; from += ROW_BLOCK) {
    total = joinOne<f64>(op, total, <f64>reduceBlock(op, x + (<usize>from << 2), min(length - from, ROW_BLOCK)));
  }
  return <f32>total;
}

/** The sum of `length` numbers, with the bits that `reduce` gives. */
export function sumOfRow(x: usize, length: i32): f32 {
  return reduceRow(ReduceOp.Sum, x, length);
}

@inline
function reduceBlock(op: i32, x: usize, n: i32): f32 {
  let r0 = f32x4.splat(start(op));
  let r1 = r0;
  let r2 = r0;
  let r3 = r0;
  let i = 0;
  for (; i + 16 <= n; i += 16, x += 64) {
    r0 = join(op, r0, v128.load(x));
    r1 = join(op, r1, v128.load(x, 16));
    r2 = join(op, r2, v128.load(x, 32));
    r3 = join(op, r3, v128.load(x, 48));
  }
  for (; i + 4 <= n; i += 4, x += 16) r0 = join(op, r0, v128.load(x));
  const all = join(op, join(op, r0, r1), join(op, r2, r3));
  let result = op == ReduceOp.Max ? horizontalMax(all) : horizontalSum(all);
  for (; i < n; i++, x += 4) result = joinOne<f32>(op, result, load<f32>(x));
  return result;
}

@inline
function reduceColumns(op: i32, chunk: i32): void {
  const job = changetype<ReduceJob>(ARGUMENTS);
  const inner = job.inner;
  const first = chunk * job.itemsPerChunk;
  const end = min(job.items, first + job.itemsPerChunk);
  for (let item = first; item < end; item++) {
    const outer = item / job.stretches;
    const column = (item % job.stretches) * COLUMNS;
    const x = job.x + ((<usize>outer * <usize>job.length * <usize>inner + <usize>column) << 2);
    const y = job.y + ((<usize>outer * <usize>inner + <usize>column) << 2);
    const columns = min(COLUMNS, inner - column);
    reduceStretch(op, x, y, job.length, <usize>inner << 2, columns);
    if (job.divisor != 1) {
      for (let q: usize = 0; q < <usize>columns << 2; q += 4) store<f32>(y + q, load<f32>(y + q) / job.divisor);
    }
  }
}

/** Up to COLUMNS columns over all rows, of which there is one at least, a block of rows after the other. */
@inline
function reduceStretch(op: i32, x: usize, y: usize, length: i32, stride: usize, columns: i32): void {
  for (let from = 0; from < length; from += COLUMN_BLOCK, x += stride * COLUMN_BLOCK) {
    const rows = min(COLUMN_BLOCK, length - from);
    const isFirst = from == 0;
    if (columns == COLUMNS) {
      reduce32Columns(op, x, y, rows, stride, isFirst);
      continue;
    }
    let q = 0;
    for (; q + 8 <= columns; q += 8) reduce8Columns(op, x + (q << 2), y + (q << 2), rows, stride, isFirst);
    for (; q < columns; q++) reduceColumn(op, x + (q << 2), y + (q << 2), rows, stride, isFirst);
  }
}

@inline
function reduce32Columns(op: i32, x: usize, y: usize, rows: i32, stride: usize, isFirst: bool): void {
  let r0 = v128.load(x);
  let r1 = v128.load(x, 16);
  let r2 = v128.load(x, 32);
  let r3 = v128.load(x, 48);
  let r4 = v128.load(x, 64);
  let r5 = v128.load(x, 80);
  let r6 = v128.load(x, 96);
  let r7 = v128.load(x, 112);
  for (let row = 1; row < rows; row++) {
    x += stride;
    r0 = join(op, r0, v128.load(x));
    r1 = join(op, r1, v128.load(x, 16));
    r2 = join(op, r2, v128.load(x, 32));
    r3 = join(op, r3, v128.load(x, 48));
    r4 = join(op, r4, v128.load(x, 64));
    r5 = join(op, r5, v128.load(x, 80));
    r6 = join(op, r6, v128.load(x, 96));
    r7 = join(op, r7, v128.load(x, 112));
  }
  if (!isFirst) {
    r0 = join(op, v128.load(y), r0);
    r1 = join(op, v128.load(y, 16), r1);
    r2 = join(op, v128.load(y, 32), r2);
    r3 = join(op, v128.load(y, 48), r3);
    r4 = join(op, v128.load(y, 64), r4);
    r5 = join(op, v128.load(y, 80), r5);
    r6 = join(op, v128.load(y, 96), r6);
    r7 = join(op, v128.load(y, 112), r7);
  }
  v128.store(y, r0);
  v128.store(y, r1, 16);
  v128.store(y, r2, 32);
  v128.store(y, r3, 48);
  v128.store(y, r4, 64);
  v128.store(y, r5, 80);
  v128.store(y, r6, 96);
  v128.store(y, r7, 112);
}

@inline
function reduce8Columns(op: i32, x: usize, y: usize, rows: i32, stride: usize, isFirst: bool): void {
  let r0 = v128.load(x);
  let r1 = v128.load(x, 16);
  for (let row = 1; row < rows; row++) {
    x += stride;
    r0 = join(op, r0, v128.load(x));
    r1 = join(op, r1, v128.load(x, 16));
  }
  if (!isFirst) {
    r0 = join(op, v128.load(y), r0);
    r1 = join(op, v128.load(y, 16), r1);
  }
  v128.store(y, r0);
  v128.store(y, r1, 16);
}

@inline
function reduceColumn(op: i32, x: usize, y: usize, rows: i32, stride: usize, isFirst: bool): void {
  let result = load<f32>(x);
  for (let row = 1; row < rows; row++) {
    x += stride;
    result = joinOne<f32>(op, result, load<f32>(x));
  }
  store<f32>(y, isFirst ? result : joinOne<f32>(op, load<f32>(y), result));
}
