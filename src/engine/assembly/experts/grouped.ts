// Rows sorted by expert, times the matrix of each expert: what a mixture of experts is made of.
//
// The rows of an expert are cut into blocks, so that one expert which gets everything keeps all threads busy too; an
// expert without rows has no block and costs nothing. A chunk is one block times one panel of columns, or more
// where blocks abound. Blocks depend on the rows alone.

import { KC, packColumns, packRows, touch } from '../gemm/pack';
import { packedBlock, packSlice, SLICE } from '../gemm/pack-left';
import { Left, multiplyPanel, scratchPanel } from '../gemm/panel';
import { MR, NR } from '../gemm/tile';

/** Rows `begin` to `end` of an expert. */
@unmanaged
export class Block {
  expert: i32;
  begin: i32;
  end: i32;
}

const BLOCK_BYTES: usize = 12;
/** Rows a block should have: so many that packing a panel costs little, so few that the block stays in the cache. */
const BLOCK_ROWS: i32 = 240;
/** Chunks that the gradient of the weights should have when one expert has all rows. */
const WEIGHT_CHUNKS: i32 = 32;
/** Rows of a weight's gradient that are worth a chunk. */
const MIN_WEIGHT_ROWS: i32 = 30;

// Groups in memory: number of blocks, most rows of an expert, offsets [experts + 1], blocks.

/** Numbers (of 32 bits) that the description of `rows` rows of `experts` experts takes. */
export function groupsLength(rows: i32, experts: i32): i32 {
  return 2 + experts + 1 + 3 * (experts + rows / BLOCK_ROWS);
}

@inline
export function offsetsOf(groups: usize): usize {
  return groups + 8;
}

@inline
export function blockCount(groups: usize): i32 {
  return load<i32>(groups);
}

@inline
export function blockAt(groups: usize, experts: i32, block: i32): Block {
  return changetype<Block>(offsetsOf(groups) + ((<usize>(experts + 1)) << 2) + <usize>block * BLOCK_BYTES);
}

@inline
function rowsOf(groups: usize, expert: i32): i32 {
  const at = offsetsOf(groups) + ((<usize>expert) << 2);
  return load<i32>(at, 4) - load<i32>(at);
}

/** Turns counts, which stand in the offsets after the first, into offsets. */
export function sumCounts(groups: usize, experts: i32): void {
  const offsets = offsetsOf(groups);
  store<i32>(offsets, 0);
  for (let e: usize = 0; e < (<usize>experts) << 2; e += 4)
    store<i32>(offsets + e, load<i32>(offsets + e, 4) + load<i32>(offsets + e), 4);
}

/** Chunks that are enough to keep all threads busy. */
const ENOUGH_CHUNKS: i32 = 128;

/**
 * Columns that a chunk takes of a product of `pieces` pieces of rows: one panel, or more where there are enough of
 * them.
 */
export function columnsPerChunk(pieces: i32, width: i32): i32 {
  const panels = (width + NR - 1) / NR;
  return max(1, min(panels, (pieces * panels) / ENOUGH_CHUNKS)) * NR;
}

/** Chunks for each piece. */
@inline
export function chunksOf(width: i32, columns: i32): i32 {
  return (width + columns - 1) / columns;
}

/** Fills in the blocks of groups whose offsets are there. */
export function cutIntoBlocks(groups: usize, experts: i32): void {
  let blocks = 0;
  let most = 0;
  for (let e = 0; e < experts; e++) {
    const rows = rowsOf(groups, e);
    if (rows == 0) continue;
    most = max(most, rows);
    const wanted = max(1, (rows + BLOCK_ROWS / 2) / BLOCK_ROWS);
    const tiles = (rows + MR - 1) / MR;
    const height = ((tiles + wanted - 1) / wanted) * MR;
    const begin = load<i32>(offsetsOf(groups) + ((<usize>e) << 2));
    for (let row = 0; row < rows; row += height) {
      const block = blockAt(groups, experts, blocks++);
      block.expert = e;
      block.begin = begin + row;
      block.end = begin + min(rows, row + height);
    }
  }
  store<i32>(groups, blocks);
  store<i32>(groups, most, 4);
}

/**
 * C[rows of a block, first .. last] = A * B.
 *
 * Shapes: A [.., k], its rows named by `index` unless that is 0; B [k, width], or [width, k] if `transposed`. `c`
 * points at the first column of row 0; `strideC` is in bytes.
 */
export function multiplyColumns(
  a: usize,
  index: usize,
  block: Block,
  b: usize,
  transposed: bool,
  width: i32,
  k: i32,
  first: i32,
  last: i32,
  c: usize,
  strideC: usize,
): void {
  const panel = scratchPanel();
  const strideA = (<usize>k) << 2;
  // What is packed lies in one piece.
  if (transposed || last - first == width) touch(b + <usize>first * strideA, <usize>(last - first) * strideA);
  for (let j = first; j < last; j += NR) {
    const n = min(NR, last - j);
    const columns = c + ((<usize>j) << 2);
    for (let k0 = 0; k0 < k || k0 == 0; k0 += KC) {
      const depth = min(KC, k - k0);
      if (transposed) packColumns(panel, b, strideA, k0, depth, j, n);
      else packRows(panel, b, (<usize>width) << 2, 0, k0, depth, j, n);
      multiplyPanel(Left.Rows, a, strideA, index, block.begin, block.end, k0, depth, panel, columns, strideC, n, k0 > 0);
    }
  }
}

/** How the gradient of the weights of all experts is cut: `parts` of the rows times panels of the columns, for each. */
@unmanaged
export class WeightGrad {
  a: usize;
  indexA: usize;
  b: usize;
  indexB: usize;
  c: usize;
  groups: usize;
  packed: usize;
  height: i32;
  width: i32;
  /** Columns of a chunk. */
  columns: i32;
  columnParts: i32;
  parts: i32;
  rowsPerPart: i32;
  /** Chunks of `packGradChunk` for each expert. */
  slices: i32;
}

/**
 * Prepares C[e] = (rows of e of A)^T * (rows of e of B) for all experts; returns the chunks of `weightGradChunk`.
 *
 * Shapes: A [.., height] and B [.., width], rows named by their index unless that is 0, C [experts, height, width].
 * `packed` is workspace of `packedLength(rows, height)` numbers; all chunks of `packGradChunk`, experts * slices, go
 * before.
 */
export function prepareWeightGrad(
  grad: WeightGrad,
  a: usize,
  indexA: usize,
  b: usize,
  indexB: usize,
  c: usize,
  groups: usize,
  packed: usize,
  rows: i32,
  experts: i32,
  height: i32,
  width: i32,
): i32 {
  grad.a = a;
  grad.indexA = indexA;
  grad.b = b;
  grad.indexB = indexB;
  grad.c = c;
  grad.groups = groups;
  grad.packed = packed;
  grad.height = height;
  grad.width = width;
  // Only an expert with a large share of the rows is worth cutting further.
  const share = <i32>((<i64>WEIGHT_CHUNKS * <i64>load<i32>(groups, 4)) / <i64>max(1, rows));
  grad.parts = max(1, min(share / chunksOf(width, NR), height / MIN_WEIGHT_ROWS));
  grad.rowsPerPart = (((height + grad.parts - 1) / grad.parts + MR - 1) / MR) * MR;
  grad.slices = (load<i32>(groups, 4) + SLICE - 1) / SLICE;
  grad.columns = columnsPerChunk(experts * grad.parts, width);
  grad.columnParts = chunksOf(width, grad.columns);
  return experts * grad.columnParts * grad.parts;
}

/** Copies a slice of the rows of an expert of A into tiles. */
export function packGradChunk(grad: WeightGrad, chunk: i32): void {
  const offsets = offsetsOf(grad.groups) + ((<usize>(chunk / grad.slices)) << 2);
  const begin = load<i32>(offsets);
  const rows = load<i32>(offsets, 4) - begin;
  const slice = (chunk % grad.slices) * SLICE;
  if (slice >= rows) return;
  const stride = (<usize>grad.height) << 2;
  const a = grad.indexA ? grad.a : grad.a + <usize>begin * stride;
  const index = grad.indexA ? grad.indexA + (<usize>begin << 2) : 0;
  packSlice(packedBlock(grad.packed, begin, grad.height), a, stride, index, rows, grad.height, slice);
}

/** A sum over the rows of an expert is never split. */
export function weightGradChunk(grad: WeightGrad, chunk: i32): void {
  const part = chunk % grad.parts;
  const first = ((chunk / grad.parts) % grad.columnParts) * grad.columns;
  const last = min(grad.width, first + grad.columns);
  const expert = chunk / (grad.parts * grad.columnParts);
  const offsets = offsetsOf(grad.groups) + ((<usize>expert) << 2);
  const begin = load<i32>(offsets);
  const end = load<i32>(offsets, 4);
  const i0 = part * grad.rowsPerPart;
  const i1 = min(grad.height, i0 + grad.rowsPerPart);
  const packed = packedBlock(grad.packed, begin, grad.height);
  const strideB = (<usize>grad.width) << 2;
  const c = grad.c + <usize>expert * <usize>grad.height * strideB;
  const panel = scratchPanel();
  if (grad.columnParts == 1) touch(c + <usize>i0 * strideB, <usize>(i1 - i0) * strideB);
  for (let j = first; j < last; j += NR) {
    const n = min(NR, last - j);
    const columns = c + ((<usize>j) << 2);
    for (let row = begin; row < end || row == begin; row += KC) {
      const depth = min(KC, end - row);
      packRows(panel, grad.b, strideB, grad.indexB, row, depth, j, n);
      const a = packedBlock(packed, row - begin, grad.height);
      multiplyPanel(Left.Packed, a, 0, 0, i0, i1, 0, depth, panel, columns, strideB, n, row > begin);
    }
  }
}
