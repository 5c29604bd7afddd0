// The gradients of a linear layer y = x * weight^T: two products that do not depend on each other, in one job.

import { describeGemm, GemmJob, multiplyChunk, packLeft, slicesOf } from './gemm';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class LinearGradJob extends GemmJob {
  inputChunks: i32;
}

const WEIGHT_GRAD: usize = ARGUMENTS + 256;

/**
 * Shapes: x and dx [rows, inputs], weight and dWeight [outputs, inputs], dy [rows, outputs]; `packed` is workspace of
 * `gemmWorkspace(1, outputs, rows, true, 0)` numbers.
 */
export function linearGrad(
  x: usize,
  weight: usize,
  dy: usize,
  dx: usize,
  dWeight: usize,
  rows: i32,
  inputs: i32,
  outputs: i32,
  packed: usize,
): void {
  const job = changetype<LinearGradJob>(ARGUMENTS);
  const weightJob = changetype<GemmJob>(WEIGHT_GRAD);
  job.inputChunks = describeGemm(job, dy, weight, dx, 1, rows, inputs, outputs, false, false, 0);
  const weightChunks = describeGemm(weightJob, dy, x, dWeight, 1, outputs, inputs, rows, true, false, packed);
  run(packChunk, slicesOf(weightJob));
  run(gradChunk, job.inputChunks + weightChunks);
}

function packChunk(slice: i32): void {
  packLeft(changetype<GemmJob>(WEIGHT_GRAD), 0, slice);
}

function gradChunk(chunk: i32): void {
  const job = changetype<LinearGradJob>(ARGUMENTS);
  if (chunk < job.inputChunks) multiplyChunk(job, chunk);
  else multiplyChunk(changetype<GemmJob>(WEIGHT_GRAD), chunk - job.inputChunks);
}
