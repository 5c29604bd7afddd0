// Products of rows with the matrix of their expert, forward and backward.

import {
  blockAt,
  blockCount,
  cutIntoBlocks,
  multiplyRows,
  offsetsOf,
  packGradChunk,
  prepareWeightGrad,
  sumCounts,
  WeightGrad,
  weightGradChunk,
} from './grouped';
import { ARGUMENTS, run } from './threads';
import { NR } from './tile';

export { groupsLength } from './grouped';

@unmanaged
class GroupedJob {
  a: usize;
  b: usize;
  c: usize;
  groups: usize;
  experts: i32;
  k: i32;
  width: i32;
  panels: i32;
  transposed: bool;
}

const WEIGHT_GRAD: usize = ARGUMENTS + 256;

/** Describes rows whose counts for each expert are given. Shapes: counts [experts] int32, groups [groupsLength]. */
export function groupByCounts(counts: usize, groups: usize, experts: i32): void {
  memory.copy(offsetsOf(groups) + 4, counts, (<usize>experts) << 2);
  sumCounts(groups, experts);
  cutIntoBlocks(groups, experts);
}

/**
 * C = A * B[expert of the row], or its transpose.
 *
 * Shapes: a [rows, k], b [experts, k, width] ([experts, width, k] transposed), c [rows, width].
 */
export function groupedMatMul(
  a: usize,
  b: usize,
  c: usize,
  groups: usize,
  experts: i32,
  k: i32,
  width: i32,
  transposed: bool,
): void {
  const job = changetype<GroupedJob>(ARGUMENTS);
  job.a = a;
  job.b = b;
  job.c = c;
  job.groups = groups;
  job.experts = experts;
  job.k = k;
  job.width = width;
  job.transposed = transposed;
  job.panels = (width + NR - 1) / NR;
  run(groupedChunk, blockCount(groups) * job.panels);
}

function groupedChunk(chunk: i32): void {
  const job = changetype<GroupedJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.experts, chunk / job.panels);
  const j = (chunk % job.panels) * NR;
  const n = min(NR, job.width - j);
  const b = job.b + ((<usize>block.expert * <usize>job.k * <usize>job.width) << 2);
  const c = job.c + ((<usize>j) << 2);
  const stride = (<usize>job.width) << 2;
  multiplyRows(job.a, 0, block.begin, block.end, b, job.transposed, job.width, job.k, j, n, c, stride);
}

/**
 * C[e] = (rows of e of A)^T * (rows of e of B). Shapes: a [rows, height], b [rows, width], c [experts, height, width]; `packed` is
 * workspace of `packedLength(rows, height)` numbers.
 */
export function groupedWeightGrad(
  a: usize,
  b: usize,
  c: usize,
  groups: usize,
  packed: usize,
  rows: i32,
  experts: i32,
  height: i32,
  width: i32,
): void {
  const grad = changetype<WeightGrad>(WEIGHT_GRAD);
  const chunks = prepareWeightGrad(grad, a, 0, b, 0, c, groups, packed, rows, experts, height, width);
  run(packLeftChunk, experts * grad.slices);
  run(groupedWeightChunk, chunks);
}

function packLeftChunk(chunk: i32): void {
  packGradChunk(changetype<WeightGrad>(WEIGHT_GRAD), chunk);
}

function groupedWeightChunk(chunk: i32): void {
  weightGradChunk(changetype<WeightGrad>(WEIGHT_GRAD), chunk);
}
