// What both directions of attention are made of: a block of queries of one head against all keys before them.
//
// A block's scores lie in memory of the thread, a row for each query. Nothing of size T x T is ever held: the forward
// pass keeps two numbers a query, and the gradient computes the probabilities again.

// Shape legend: B batch, T positions, H heads, P channels without position, R rotary channels, V value channels.

import { KC, packColumns, packRows } from '../gemm/pack';
import { Left, multiplyPanel } from '../gemm/panel';
import { ARGUMENTS, threadIndex } from '../shared/threads';
import { MR, NR } from '../gemm/tile';

/** Addresses are those of `mlaAttention` and `mlaAttentionGrad`. */
@unmanaged
export class AttentionJob {
  q: usize;
  kv: usize;
  kRope: usize;
  documents: usize;
  out: usize;
  stats: usize;
  dOut: usize;
  dq: usize;
  dkv: usize;
  dkRope: usize;
  /** Sums of the gradient that are not complete: see `attention-grad`. */
  dkvParts: usize;
  dkRopeParts: usize;
  /** Memory of the first thread, and what each has. */
  workspace: usize;
  workspaceBytes: usize;
  batch: i32;
  positions: i32;
  heads: i32;
  nope: i32;
  rope: i32;
  value: i32;
  scale: f32;
  /** Queries of a block. */
  blockRows: i32;
  blocks: i32;
  /** Parts that the blocks of a head are dealt out to. */
  splits: i32;
  unitsPerChunk: i32;
}

/**
 * One head of one sequence: addresses of its first rows, strides in bytes, and the thread's memory. Lies in that
 * memory.
 */
@unmanaged
export class Head {
  index: i32;
  q: usize;
  kv: usize;
  kRope: usize;
  out: usize;
  dOut: usize;
  dq: usize;
  dkv: usize;
  stats: usize;
  strideQ: usize;
  strideKv: usize;
  strideRope: usize;
  strideOut: usize;
  positions: i32;
  nope: i32;
  rope: i32;
  value: i32;
  scale: f32;
  /** The sequence's document ids, padded, or 0. */
  documents: usize;
  panel: usize;
  /** [block, strideScores]: scores, then probabilities. */
  scores: usize;
  /** Of the same shape: gradients of the scores. */
  gradients: usize;
  strideScores: usize;
}

const HEAD_BYTES: usize = 128;
/** Columns after a row that are set with it: whole vectors, and what a tile of the next rows reads. MR is less. */
const AFTER: i32 = 8;
/**
 * Queries of a block, about; at most KC. More of them share a packed panel, but their scores should stay in the cache.
 */
const BLOCK: i32 = 128;
/** Scores of a block, about. */
const BLOCK_SCORES: i32 = 1 << 16;

/** Queries of a block: T cut into even parts. */
export function blockRowsOf(positions: i32): i32 {
  const wanted = max(BLOCK / 2, min(BLOCK, BLOCK_SCORES / positions));
  const blocks = max(1, (positions + wanted / 2) / wanted);
  return (positions + blocks - 1) / blocks;
}

/** What both directions begin with; addresses and sizes are those of `mlaAttention`. */
export function describeAttention(
  q: usize,
  kv: usize,
  kRope: usize,
  documents: usize,
  out: usize,
  stats: usize,
  batch: i32,
  positions: i32,
  heads: i32,
  nope: i32,
  rope: i32,
  value: i32,
  scale: f32,
): AttentionJob {
  const job = changetype<AttentionJob>(ARGUMENTS);
  job.q = q;
  job.kv = kv;
  job.kRope = kRope;
  job.documents = documents;
  job.out = out;
  job.stats = stats;
  job.batch = batch;
  job.positions = positions;
  job.heads = heads;
  job.nope = nope;
  job.rope = rope;
  job.value = value;
  job.scale = scale;
  job.blockRows = blockRowsOf(positions);
  job.blocks = (positions + job.blockRows - 1) / job.blockRows;
  return job;
}

/** An odd number of cache lines: rows below each other do not compete for the same place in the cache. */
function strideOfScores(positions: i32): usize {
  return (<usize>(((positions + AFTER + 15) / 16) | 1)) << 6;
}

function panelBytes(nope: i32, rope: i32, value: i32): usize {
  return (<usize>(max(KC, max(nope + rope, value)) * NR)) << 2;
}

/** Bytes that each thread needs for `blocks` blocks of scores: 1, or 2 for the gradient. */
export function threadBytes(positions: i32, nope: i32, rope: i32, value: i32, blocks: i32): usize {
  const scores = <usize>(blocks * blockRowsOf(positions)) * strideOfScores(positions);
  return HEAD_BYTES + strideOfScores(positions) + panelBytes(nope, rope, value) + scores;
}

/** Head `index` = b * H + h, laid out in the memory of the calling thread. */
export function openHead(job: AttentionJob, index: i32): Head {
  const own = job.workspace + <usize>threadIndex * job.workspaceBytes;
  const head = changetype<Head>(own);
  const b = <usize>(index / job.heads);
  const h = <usize>(index % job.heads);
  const heads = <usize>job.heads;
  const token = b * <usize>job.positions;
  const qBytes = (<usize>(job.nope + job.rope)) << 2;
  const kvBytes = (<usize>(job.nope + job.value)) << 2;
  const outBytes = (<usize>job.value) << 2;
  head.index = index;
  head.strideQ = heads * qBytes;
  head.strideKv = heads * kvBytes;
  head.strideRope = (<usize>job.rope) << 2;
  head.strideOut = heads * outBytes;
  const qOffset = token * head.strideQ + h * qBytes;
  const kvOffset = token * head.strideKv + h * kvBytes;
  const outOffset = token * head.strideOut + h * outBytes;
  head.q = job.q + qOffset;
  head.dq = job.dq + qOffset;
  head.kv = job.kv + kvOffset;
  head.dkv = job.dkv + kvOffset;
  head.kRope = job.kRope + token * head.strideRope;
  head.out = job.out + outOffset;
  head.dOut = job.dOut + outOffset;
  head.stats = job.stats + ((<usize>index * <usize>job.positions) << 3);
  head.positions = job.positions;
  head.nope = job.nope;
  head.rope = job.rope;
  head.value = job.value;
  head.scale = job.scale;
  head.strideScores = strideOfScores(job.positions);
  const documents = own + HEAD_BYTES;
  head.panel = documents + head.strideScores;
  head.scores = head.panel + panelBytes(job.nope, job.rope, job.value);
  head.gradients = head.scores + <usize>job.blockRows * head.strideScores;
  head.documents = job.documents ? documents : 0;
  if (job.documents) memory.copy(documents, job.documents + (token << 2), (<usize>job.positions) << 2);
  return head;
}

/** Scores of queries first .. first+rows and all keys that one of them may see: q times the keys, not yet scaled. */
export function scoreBlock(head: Head, first: i32, rows: i32): void {
  const q = head.q + <usize>first * head.strideQ;
  const ropePanel = head.panel + ((<usize>(head.nope * NR)) << 2);
  for (let j = 0; j < first + rows; j += NR) {
    const keys = min(NR, head.positions - j);
    packColumns(head.panel, head.kv, head.strideKv, 0, head.nope, j, keys);
    packColumns(ropePanel, head.kRope, head.strideRope, 0, head.rope, j, keys);
    multiplyKeys(head, q, head.strideQ, head.nope + head.rope, head.scores, j, first, rows);
  }
}

/** Gradients of the probabilities of the same block: dOut times the values. */
export function probabilityGradients(head: Head, first: i32, rows: i32): void {
  const dOut = head.dOut + <usize>first * head.strideOut;
  const values = head.kv + ((<usize>head.nope) << 2);
  for (let j = 0; j < first + rows; j += NR) {
    packColumns(head.panel, values, head.strideKv, 0, head.value, j, min(NR, head.positions - j));
    multiplyKeys(head, dOut, head.strideOut, head.value, head.gradients, j, first, rows);
  }
}

/** Columns j .. j+NR of a block, for the queries that see the first of these keys, out of the packed panel. */
@inline
function multiplyKeys(
  head: Head,
  a: usize,
  strideA: usize,
  depth: i32,
  target: usize,
  j: i32,
  first: i32,
  rows: i32,
): void {
  const column = target + ((<usize>j) << 2);
  const from = max(0, j - first);
  multiplyPanel(Left.Rows, a, strideA, 0, from, rows, 0, depth, head.panel, column, head.strideScores, NR, false);
}

/** Gives query `i` a score of -Infinity for keys of other documents and for the columns after its own. */
export function hideKeys(head: Head, row: usize, i: i32): void {
  const hidden = f32x4.splat(-Infinity);
  if (head.documents) {
    const own = v128.load32_splat(head.documents + ((<usize>i) << 2));
    for (let c = 0; c <= i; c += 4) {
      const at = (<usize>c) << 2;
      const same = i32x4.eq(v128.load(head.documents + at), own);
      v128.store(row + at, v128.bitselect(v128.load(row + at), hidden, same));
    }
  }
  fillAfter(row, i, hidden);
}

/** Sets the columns after column `i`. */
@inline
export function fillAfter(row: usize, i: i32, value: v128): void {
  const after = row + ((<usize>(i + 1)) << 2);
  v128.store(after, value);
  v128.store(after, value, 16);
}

/**
 * target[r] = sum over keys of weights[r, key] * source[key], for the rows of a block.
 *
 * A tile reads no further than its last row sees; the weights there, behind what its first rows see, are zero.
 *
 * Shapes: weights [rows, strideScores], source [T, width], target [rows, width].
 */
export function weightedKeys(
  head: Head,
  weights: usize,
  first: i32,
  rows: i32,
  source: usize,
  strideSource: usize,
  width: i32,
  target: usize,
  strideTarget: usize,
): void {
  for (let j = 0; j < width; j += NR) {
    const columns = min(NR, width - j);
    const column = target + ((<usize>j) << 2);
    for (let k0 = 0; k0 < first + rows; k0 += KC) {
      const depth = min(KC, first + rows - k0);
      packRows(head.panel, source, strideSource, 0, k0, depth, j, columns);
      for (let r = max(0, k0 - first); r < rows; r += MR) {
        const end = min(rows, r + MR);
        const seen = min(depth, first + end - k0);
        const stride = head.strideScores;
        multiplyPanel(Left.Rows, weights, stride, 0, r, end, k0, seen, head.panel, column, strideTarget, columns, k0 > 0);
      }
    }
  }
}

/**
 * target[key] = (or += where `accumulate`) the sum over the rows of a block of weights[r, key] * source[r].
 *
 * Shapes: weights [rows, strideScores], source [rows, width], target [T, width].
 */
export function weightedQueries(
  head: Head,
  weights: usize,
  first: i32,
  rows: i32,
  source: usize,
  strideSource: usize,
  width: i32,
  target: usize,
  strideTarget: usize,
  accumulate: bool,
): void {
  for (let j = 0; j < width; j += NR) {
    const columns = min(NR, width - j);
    const column = target + ((<usize>j) << 2);
    packRows(head.panel, source, strideSource, 0, 0, rows, j, columns);
    for (let key = 0; key < first + rows; key += MR) {
      const end = min(first + rows, key + MR);
      const from = max(0, key - first); // the first query that sees one of these keys
      const panel = head.panel + ((<usize>(from * NR)) << 2);
      const stride = head.strideScores;
      const seen = rows - from;
      multiplyPanel(Left.Columns, weights, stride, 0, key, end, from, seen, panel, column, strideTarget, columns, accumulate);
    }
  }
}
