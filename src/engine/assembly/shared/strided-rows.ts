// Two operands that lie in memory in different ways, walked together row by row.
//
// Whatever their rank, shapes become three outer axes and a row once axes that both operands step through alike are
// merged (src/engine/kernels/strided-axes.ts). Steps are in elements; a step of 0 repeats an operand along an axis.

import { ARGUMENTS } from './threads';

@unmanaged
export class StridedRows {
  /** Elements of all rows. */
  size: i32;
  /** Elements of a row. */
  width: i32;
  /** Lengths of the two axes around the rows; that of the outermost, axis 0, is not needed. */
  length1: i32;
  length2: i32;
  a0: i32;
  a1: i32;
  a2: i32;
  /** Step of `a` within a row. */
  aStep: i32;
  b0: i32;
  b1: i32;
  b2: i32;
  /** Step of `b` within a row. */
  bStep: i32;
}

/**
 * Describes the rows that the next kernel which takes two operands of different layout walks: the fields of
 * `StridedRows`.
 */
export function describeRows(
  size: i32,
  width: i32,
  length1: i32,
  length2: i32,
  a0: i32,
  a1: i32,
  a2: i32,
  aStep: i32,
  b0: i32,
  b1: i32,
  b2: i32,
  bStep: i32,
): void {
  const job = changetype<StridedRows>(ARGUMENTS);
  job.size = size;
  job.width = width;
  job.length1 = length1;
  job.length2 = length2;
  job.a0 = a0;
  job.a1 = a1;
  job.a2 = a2;
  job.aStep = aStep;
  job.b0 = b0;
  job.b1 = b1;
  job.b2 = b2;
  job.bStep = bStep;
}

let index1: i32 = 0;
let index2: i32 = 0;
/** Where the current row of this thread begins in `a`. */
export let rowA: i32 = 0;
/** Where it begins in `b`. */
export let rowB: i32 = 0;

export function startRows(rows: StridedRows, row: i32): void {
  const outer = row / rows.length2;
  const index0 = outer / rows.length1;
  index2 = row % rows.length2;
  index1 = outer % rows.length1;
  rowA = index0 * rows.a0 + index1 * rows.a1 + index2 * rows.a2;
  rowB = index0 * rows.b0 + index1 * rows.b1 + index2 * rows.b2;
}

@inline
export function nextRow(rows: StridedRows): void {
  rowA += rows.a2;
  rowB += rows.b2;
  if (++index2 == rows.length2) nextOuter(rows);
}

function nextOuter(rows: StridedRows): void {
  index2 = 0;
  rowA += rows.a1 - rows.length2 * rows.a2;
  rowB += rows.b1 - rows.length2 * rows.b2;
  if (++index1 < rows.length1) return;
  index1 = 0;
  rowA += rows.a0 - rows.length1 * rows.a1;
  rowB += rows.b0 - rows.length1 * rows.b1;
}
