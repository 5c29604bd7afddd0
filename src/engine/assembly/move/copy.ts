// Copies parts of tensors: what slicing, splitting, joining, padding, repeating and most transposes come down to.
//
// All elements of four bytes are copied the same way, whatever they mean.

import { nextRow, rowA, rowB, startRows, StridedRows } from '../shared/strided-rows';
import { ARGUMENTS, run } from '../shared/threads';

/** `a` is the source, `b` the target. */
@unmanaged
class CopyJob extends StridedRows {
  a: usize;
  b: usize;
}

@unmanaged
class FillJob {
  at: usize;
  size: i32;
  bits: i32;
}

/** Elements of a chunk. */
const CHUNK: i32 = 8192;

/** Copies `size` elements that lie one after the other: on one thread, for a few of them. */
export function copyWords(a: usize, b: usize, size: i32): void {
  memory.copy(b, a, <usize>size << 2);
}

/** Copies the elements that `describeRows` told of from `a` to `b`. */
export function copyRows(a: usize, b: usize): void {
  const job = changetype<CopyJob>(ARGUMENTS);
  job.a = a;
  job.b = b;
  run(copyChunk, (job.size + CHUNK - 1) / CHUNK);
}

function copyChunk(chunk: i32): void {
  const job = changetype<CopyJob>(ARGUMENTS);
  const width = job.width;
  let at = chunk * CHUNK;
  const end = min(job.size, at + CHUNK);
  let column = at % width;
  startRows(job, at / width);
  while (at < end) {
    const n = min(width - column, end - at);
    const a = job.a + (<usize>(rowA + column * job.aStep) << 2);
    const b = job.b + (<usize>(rowB + column * job.bStep) << 2);
    if (job.aStep == 1 && job.bStep == 1) copyRow(a, b, n);
    else if (job.aStep == 0 && job.bStep == 1) fillRow(b, v128.load32_splat(a), n);
    else copyStrided(a, b, n, <usize>job.aStep << 2, <usize>job.bStep << 2);
    at += n;
    column = 0;
    nextRow(job);
  }
}

@inline
function copyRow(a: usize, b: usize, n: i32): void {
  let i = 0;
  for (; i + 8 <= n; i += 8, a += 32, b += 32) {
    const a0 = v128.load(a);
    const a1 = v128.load(a, 16);
    v128.store(b, a0);
    v128.store(b, a1, 16);
  }
  for (; i < n; i++, a += 4, b += 4) store<i32>(b, load<i32>(a));
}

@inline
function fillRow(b: usize, value: v128, n: i32): void {
  let i = 0;
  for (; i + 8 <= n; i += 8, b += 32) {
    v128.store(b, value);
    v128.store(b, value, 16);
  }
  for (; i < n; i++, b += 4) v128.store_lane<i32>(b, value, 0);
}

function copyStrided(a: usize, b: usize, n: i32, aStep: usize, bStep: usize): void {
  for (let i = 0; i < n; i++, a += aStep, b += bStep) store<i32>(b, load<i32>(a));
}

/** Sets `size` elements to the same four bytes. */
export function fill(at: usize, size: i32, bits: i32): void {
  const job = changetype<FillJob>(ARGUMENTS);
  job.at = at;
  job.size = size;
  job.bits = bits;
  run(fillChunk, (size + CHUNK - 1) / CHUNK);
}

function fillChunk(chunk: i32): void {
  const job = changetype<FillJob>(ARGUMENTS);
  const first = chunk * CHUNK;
  fillRow(job.at + (<usize>first << 2), i32x4.splat(job.bits), min(CHUNK, job.size - first));
}
