// Products of rows with the matrix of their expert, forward and backward.

import {
  blockAt,
  blockCount,
  chunksOf,
  columnsPerChunk,
  cutIntoBlocks,
  multiplyColumns,
  offsetsOf,
  packGradChunk,
  prepareWeightGrad,
  sumCounts,
  WeightGrad,
  weightGradChunk,
} from './grouped';
import { ARGUMENTS, run } from '../shared/threads';

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
  /** Columns that a chunk takes, and the chunks of a block. */
  columns: i32;
  chunks: i32;
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
  job.columns = columnsPerChunk(blockCount(groups), width);
  job.chunks = chunksOf(width, job.columns);
  run(groupedChunk, blockCount(groups) * job.chunks);
}

function groupedChunk(chunk: i32): void {
  const job = changetype<GroupedJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.experts, chunk / job.chunks);
  const first = (chunk % job.chunks) * job.columns;
  const last = min(job.width, first + job.columns);
  const b = job.b + ((<usize>block.expert * <usize>job.k * <usize>job.width) << 2);
  multiplyColumns(job.a, 0, block, b, job.transposed, job.width, job.k, first, last, job.c, (<usize>job.width) << 2);
}

/**
 * C[e] = (rows of e of A)^T * (rows of e of B). Shapes: a [rows, height], b [rows, width], c [experts, height, width];
 * `packed` is workspace of `packedLength(rows, height)` numbers.
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
