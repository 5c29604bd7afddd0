// The gradients of a linear layer y = x * weight^T: two products that do not depend on each other, in one job.

import { describeGemm, GemmJob, multiplyChunk } from './gemm';
import { ARGUMENTS, run } from './threads';

@unmanaged
class LinearGradJob extends GemmJob {
  inputChunks: i32;
}

const WEIGHT_GRAD: usize = ARGUMENTS + 256;

/** Shapes: x and dx [rows, inputs], weight and dWeight [outputs, inputs], dy [rows, outputs]. */
export function linearGrad(
  x: usize,
  weight: usize,
  dy: usize,
  dx: usize,
  dWeight: usize,
  rows: i32,
  inputs: i32,
  outputs: i32,
): void {
  const job = changetype<LinearGradJob>(ARGUMENTS);
  const weightJob = changetype<GemmJob>(WEIGHT_GRAD);
  job.inputChunks = describeGemm(job, dy, weight, dx, 1, rows, inputs, outputs, false, false);
  const weightChunks = describeGemm(weightJob, dy, x, dWeight, 1, outputs, inputs, rows, true, false);
  run(gradChunk, job.inputChunks + weightChunks);
}

function gradChunk(chunk: i32): void {
  const job = changetype<LinearGradJob>(ARGUMENTS);
  if (chunk < job.inputChunks) multiplyChunk(job, chunk);
  else multiplyChunk(changetype<GemmJob>(WEIGHT_GRAD), chunk - job.inputChunks);
}
