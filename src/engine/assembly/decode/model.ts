// What a decoder's kernels work on: the records that TypeScript writes down (src/engine/decode-layout.ts has their
// fields, and what the letters stand for), and what the threads of a pass share.

import { DecodeLayer, DecodeModel, DecodeRow } from './layout';
import { ARGUMENTS } from '../shared/threads';

export { DecodeLayer, DecodeModel, DecodeRow };

/** What the threads of a pass have to know; laid over `ARGUMENTS`. */
@unmanaged
export class DecodeJob {
  model: DecodeModel;
  layer: DecodeLayer;
  /** Index of the layer in the cache. */
  layerIndex: i32;
  rows: usize;
  count: i32;
  // A product: c = (or += where `accumulate`) a * matrix.
  a: usize;
  strideA: usize;
  inputs: i32;
  matrix: usize;
  format: i32;
  c: usize;
  outputs: i32;
  accumulate: bool;
  /** Steps of WIDE outputs. */
  stepsPerChunk: i32;
  // Feed-forward: chunks of the dense part, those of each busy expert, and panel pairs of a chunk.
  denseChunks: i32;
  expertChunks: i32;
  pairsPerChunk: i32;
}

@inline
export function decodeJob(): DecodeJob {
  return changetype<DecodeJob>(ARGUMENTS);
}

@inline
export function rowOf(job: DecodeJob, row: i32): DecodeRow {
  return changetype<DecodeRow>(job.rows + <usize>row * offsetof<DecodeRow>());
}

/** Address of element (row, 0) of a matrix of floats. */
@inline
export function rowAt(matrix: usize, row: i32, width: i32): usize {
  return matrix + ((<usize>row * <usize>width) << 2);
}
