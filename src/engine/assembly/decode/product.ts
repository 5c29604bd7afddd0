// Products of a few rows with packed weights. A panel is read once for all rows; every element is summed in order of
// its inputs, so a row gets the same bits whatever rows come with it.

import { decodeJob } from './model';
import { WIDE, multiplyWide, multiplyWideTwo } from './wide';
import { packColumns, packRows } from '../gemm/pack';
import { Left, multiplyPanel } from '../gemm/panel';
import { run } from '../shared/threads';
import { NR } from '../gemm/tile';

/** Bytes of weights that a chunk should read at least: about a microsecond. */
const CHUNK: i32 = 32 * 1024;

/** Outputs of a panel. */
export function panelWidth(): i32 {
  return NR;
}

@inline
export function panelsOf(outputs: i32): i32 {
  return (outputs + NR - 1) / NR;
}

@inline
export function panelBytes(inputs: i32): usize {
  return <usize>(inputs * (NR << 2));
}

/** Panels of so many inputs that make a chunk: whole steps of `multiplyWide`. */
@inline
export function panelsPerChunk(inputs: i32): i32 {
  return max(1, CHUNK / (<i32>panelBytes(inputs) * (WIDE / NR))) * (WIDE / NR);
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
  job.c = c;
  job.outputs = outputs;
  job.count = count;
  job.accumulate = accumulate;
  job.panelsPerChunk = panelsPerChunk(inputs);
  run(productChunk, (panelsOf(outputs) + job.panelsPerChunk - 1) / job.panelsPerChunk);
}

function productChunk(chunk: i32): void {
  const job = decodeJob();
  const first = chunk * job.panelsPerChunk * NR;
  const end = min(job.outputs, first + job.panelsPerChunk * NR);
  const strideC = (<usize>job.outputs) << 2;
  const matrix = job.matrix + <usize>(chunk * job.panelsPerChunk) * panelBytes(job.inputs);
  const c = job.c + ((<usize>first) << 2);
  multiplyRows(job.a, job.strideA, job.inputs, matrix, c, strideC, end - first, job.count, job.accumulate);
}

/** The same of one thread: c [count, outputs] with rows `strideC` bytes apart. */
export function multiplyRows(
  a: usize,
  strideA: usize,
  inputs: i32,
  matrix: usize,
  c: usize,
  strideC: usize,
  outputs: i32,
  count: i32,
  accumulate: bool,
): void {
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
