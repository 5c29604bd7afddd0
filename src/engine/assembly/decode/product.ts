// Products of a few rows with packed weights. A panel is read once for all rows; every element is summed in order of
// its inputs, so a row gets the same bits whatever rows come with it.

import { decodeJob } from './model';
import { multiplyBfloat16, multiplyBfloat16Two, multiplyFp8, multiplyFp8Two, unpackPanel } from './narrow';
import { multiplyWide, multiplyWideTwo } from './wide';
import { Format, WIDE, panelBytes, wideBytes } from './weights';
import { packColumns, packRows } from '../gemm/pack';
import { Left, multiplyPanel } from '../gemm/panel';
import { run, scratch, threadIndex } from '../shared/threads';
import { NR } from '../gemm/tile';

/** Bytes of weights that a chunk should read at least: about a microsecond. */
const CHUNK: i32 = 32 * 1024;
// Scratch of a thread, behind the products of `experts`: two rows of WIDE.
const EDGE: usize = 48 * 1024;

/** Outputs of a panel. */
export function panelWidth(): i32 {
  return NR;
}

/** Steps of WIDE outputs that make a chunk. */
@inline
export function stepsPerChunk(format: Format, inputs: i32): i32 {
  return max(1, CHUNK / <i32>wideBytes(format, inputs));
}

/**
 * Packs a matrix, [outputs, inputs] or (`transposed`) [inputs, outputs], into panels that lie `every` panels apart.
 *
 * Called when a decoder is made.
 */
export function packPanels(from: usize, outputs: i32, inputs: i32, transposed: bool, to: usize, every: i32): void {
  const step = panelBytes(inputs) * <usize>every;
  for (let j = 0; j < outputs; j += NR, to += step) {
    const n = min(NR, outputs - j);
    if (transposed) packRows(to, from, (<usize>outputs) << 2, 0, 0, inputs, j, n);
    else packColumns(to, from, (<usize>inputs) << 2, 0, inputs, j, n);
  }
}

/** c [count, outputs] = (or +=) a [count, inputs] * matrix, for the rows of the pass, on all threads. */
export function product(
  a: usize,
  inputs: i32,
  matrix: usize,
  format: Format,
  c: usize,
  outputs: i32,
  count: i32,
  accumulate: bool,
): void {
  const job = decodeJob();
  job.a = a;
  job.strideA = (<usize>inputs) << 2;
  job.inputs = inputs;
  job.matrix = matrix;
  job.format = format;
  job.c = c;
  job.outputs = outputs;
  job.count = count;
  job.accumulate = accumulate;
  job.stepsPerChunk = stepsPerChunk(format, inputs);
  const steps = (outputs + WIDE - 1) / WIDE;
  run(productChunk, (steps + job.stepsPerChunk - 1) / job.stepsPerChunk);
}

function productChunk(chunk: i32): void {
  const job = decodeJob();
  const step = chunk * job.stepsPerChunk;
  const first = step * WIDE;
  const end = min(job.outputs, first + job.stepsPerChunk * WIDE);
  const strideC = (<usize>job.outputs) << 2;
  const matrix = job.matrix + <usize>step * wideBytes(job.format, job.inputs);
  const c = job.c + ((<usize>first) << 2);
  const outputs = end - first;
  multiplyRows(job.a, job.strideA, job.inputs, matrix, job.format, 0, c, strideC, outputs, job.count, job.accumulate);
}

/**
 * The same of one thread: c [count, outputs] with rows `strideC` bytes apart. Of 8-bit weights, the first input is
 * number `offset` of its block.
 */
export function multiplyRows(
  a: usize,
  strideA: usize,
  inputs: i32,
  matrix: usize,
  format: Format,
  offset: i32,
  c: usize,
  strideC: usize,
  outputs: i32,
  count: i32,
  accumulate: bool,
): void {
  if (format != Format.Float32) {
    multiplyNarrowRows(a, strideA, inputs, matrix, format, offset, c, strideC, outputs, count, accumulate);
    return;
  }
  const step = panelBytes(inputs);
  let j = 0;
  if (count <= 2) {
    for (; j + WIDE <= outputs; j += WIDE, matrix += step * (WIDE / NR), c += WIDE << 2) {
      if (count == 1) multiplyWide(a, inputs, matrix, step, c, accumulate);
      else multiplyWideTwo(a, a + strideA, inputs, matrix, step, c, c + strideC, accumulate);
    }
  }
  for (; j < outputs; j += NR, matrix += step, c += NR << 2)
    multiplyPanel(Left.Rows, a, strideA, 0, 0, count, 0, inputs, matrix, c, strideC, min(NR, outputs - j), accumulate);
}

function multiplyNarrowRows(
  a: usize,
  strideA: usize,
  inputs: i32,
  matrix: usize,
  format: Format,
  offset: i32,
  c: usize,
  strideC: usize,
  outputs: i32,
  count: i32,
  accumulate: bool,
): void {
  const step = wideBytes(format, inputs);
  for (let j = 0; j < outputs; j += WIDE, matrix += step, c += WIDE << 2) {
    const n = min(WIDE, outputs - j);
    if (count > 2) {
      const floats = unpacked(format, matrix, inputs, offset);
      multiplyFloats(a, strideA, 0, 0, count, inputs, floats, c, strideC, n, accumulate);
    } else if (n == WIDE) {
      multiplyNarrow(a, a + strideA, inputs, matrix, format, offset, c, c + strideC, count, accumulate);
    } else {
      const edge = scratch + EDGE;
      multiplyNarrow(a, a + strideA, inputs, matrix, format, offset, edge, edge + (WIDE << 2), count, false);
      for (let i = 0; i < count; i++) {
        copyFloats(edge + <usize>(i * (WIDE << 2)), c + <usize>i * strideC, n, accumulate);
      }
    }
  }
}

/** One row (a0), or two, times a panel of weights of 16 or 8 bits. */
@inline
export function multiplyNarrow(
  a0: usize,
  a1: usize,
  inputs: i32,
  panel: usize,
  format: Format,
  offset: i32,
  c0: usize,
  c1: usize,
  count: i32,
  accumulate: bool,
): void {
  if (format == Format.Bfloat16) {
    if (count == 1) multiplyBfloat16(a0, inputs, panel, c0, accumulate);
    else multiplyBfloat16Two(a0, a1, inputs, panel, c0, c1, accumulate);
  } else if (count == 1) multiplyFp8(a0, inputs, panel, offset, c0, accumulate);
  else multiplyFp8Two(a0, a1, inputs, panel, offset, c0, c1, accumulate);
}

/** A panel of weights of 16 or 8 bits as float32, in memory of the thread. */
export function unpacked(format: Format, panel: usize, inputs: i32, offset: i32): usize {
  const model = decodeJob().model;
  const to = model.unpacked + <usize>threadIndex * <usize>model.unpackedBytes;
  unpackPanel(format, panel, inputs, offset, to);
  return to;
}

/** Rows first .. end - 1 (of a, or those that `index` names) times the first n outputs of WIDE in panels of float32. */
export function multiplyFloats(
  a: usize,
  strideA: usize,
  index: usize,
  first: i32,
  end: i32,
  inputs: i32,
  panels: usize,
  c: usize,
  strideC: usize,
  n: i32,
  accumulate: bool,
): void {
  const step = panelBytes(inputs);
  for (let j = 0; j < n; j += NR, panels += step, c += NR << 2) {
    const columns = min(NR, n - j);
    multiplyPanel(Left.Rows, a, strideA, index, first, end, 0, inputs, panels, c, strideC, columns, accumulate);
  }
}

@inline
function copyFloats(from: usize, to: usize, n: i32, accumulate: bool): void {
  for (let q: usize = 0; q < (<usize>n) << 2; q += 4) {
    const value = load<f32>(from + q);
    store<f32>(to + q, accumulate ? load<f32>(to + q) + value : value);
  }
}
