// The gradient of `attention`. With probabilities p, computed again from what the forward pass saved:
//
//   dv = p^T dOut    dp = dOut v^T    ds = p * (dp - rowsum(dOut * out)) * scale    dq = ds k    dk = ds^T q
//
// A unit of work is a head, or, where heads are few, one of several parts that a head's blocks of queries are dealt out
// to. A part adds up dk and dv of its own blocks; a second job adds the parts, and the heads' shares of the one rotary
// key, in a fixed order.

// Shape legend: B batch, T positions, H heads, P channels without position, R rotary channels, V value channels, S
// parts.

import {
  AttentionJob,
  Head,
  weightedQueries,
  blockRowsOf,
  describeAttention,
  fillAfter,
  hideKeys,
  openHead,
  probabilityGradients,
  scoreBlock,
  threadBytes,
  weightedKeys,
} from './block';
import { dot, exp4, madd } from '../shared/simd';
import { ARGUMENTS, MAX_CHUNKS, run } from '../shared/threads';

/** Units of work that there should be at least, so that threads end together. */
const UNITS: i32 = 16;
/** Elements a chunk of the last sum should have at least. */
const CHUNK: i32 = 8192;

/** Parts that the blocks of a head are dealt out to. */
function splitsOf(batch: i32, positions: i32, heads: i32): i32 {
  const rows = blockRowsOf(positions);
  const blocks = (positions + rows - 1) / rows;
  return min(blocks, (UNITS + batch * heads - 1) / (batch * heads));
}

/** Bytes for dk and dv of all parts but the first, which writes to dkv itself: [S-1, B, H, T, P+V]. */
function dkvPartsBytes(splits: i32, rows: usize, width: i32): usize {
  return (<usize>(splits - 1) * rows * <usize>width) << 2;
}

/** Bytes for all shares of the gradient of kRope: [S, B, H, T, R]. */
function dkRopePartsBytes(splits: i32, rows: usize, rope: i32): usize {
  return (<usize>splits * rows * <usize>rope) << 2;
}

/** Numbers of work space that `mlaAttentionGrad` needs on `threads` threads. */
export function attentionGradWorkspace(
  threads: i32,
  batch: i32,
  positions: i32,
  heads: i32,
  nope: i32,
  rope: i32,
  value: i32,
): i32 {
  const splits = splitsOf(batch, positions, heads);
  const rows = <usize>batch * <usize>heads * <usize>positions;
  const parts = dkvPartsBytes(splits, rows, nope + value) + dkRopePartsBytes(splits, rows, rope);
  return <i32>((parts + <usize>threads * threadBytes(positions, nope, rope, value, 2)) >> 2);
}

/** Shapes: dOut as out, dq as q, dkv as kv, dkRope as kRope; the others as in `mlaAttention`. No size is 0. */
export function mlaAttentionGrad(
  q: usize,
  kv: usize,
  kRope: usize,
  documents: usize,
  out: usize,
  stats: usize,
  dOut: usize,
  dq: usize,
  dkv: usize,
  dkRope: usize,
  workspace: usize,
  batch: i32,
  positions: i32,
  heads: i32,
  nope: i32,
  rope: i32,
  value: i32,
  scale: f32,
): void {
  const job = describeAttention(
    q,
    kv,
    kRope,
    documents,
    out,
    stats,
    batch,
    positions,
    heads,
    nope,
    rope,
    value,
    scale,
  );
  const rows = <usize>batch * <usize>heads * <usize>positions;
  job.dOut = dOut;
  job.dq = dq;
  job.dkv = dkv;
  job.dkRope = dkRope;
  job.splits = splitsOf(batch, positions, heads);
  job.dkvParts = workspace;
  job.dkRopeParts = job.dkvParts + dkvPartsBytes(job.splits, rows, nope + value);
  job.workspace = job.dkRopeParts + dkRopePartsBytes(job.splits, rows, rope);
  job.workspaceBytes = threadBytes(positions, nope, rope, value, 2);
  const units = batch * heads * job.splits;
  job.unitsPerChunk = (units + MAX_CHUNKS - 1) / MAX_CHUNKS;
  run(gradChunk, (units + job.unitsPerChunk - 1) / job.unitsPerChunk);
  const width = heads * (rope + (job.splits > 1 ? nope + value : 0));
  job.unitsPerChunk = max(1, CHUNK / max(1, width));
  run(sumChunk, (batch * positions + job.unitsPerChunk - 1) / job.unitsPerChunk);
}

function gradChunk(chunk: i32): void {
  const job = changetype<AttentionJob>(ARGUMENTS);
  const heads = job.batch * job.heads;
  const end = min(heads * job.splits, (chunk + 1) * job.unitsPerChunk);
  for (let unit = chunk * job.unitsPerChunk; unit < end; unit++) gradOfPart(job, unit % heads, unit / heads);
}

/** Blocks of queries split, split + S, ... counted from the last, which sees most keys. */
function gradOfPart(job: AttentionJob, index: i32, split: i32): void {
  const head = openHead(job, index);
  const rows = <usize>job.batch * <usize>job.heads * <usize>job.positions;
  const firstRow = <usize>index * <usize>job.positions;
  const width = (<usize>(job.nope + job.value)) << 2;
  const dkv = split == 0 ? head.dkv : job.dkvParts + (<usize>(split - 1) * rows + firstRow) * width;
  const strideDkv = split == 0 ? head.strideKv : width;
  const dkRope = job.dkRopeParts + (<usize>split * rows + firstRow) * head.strideRope;
  const last = job.blocks - 1 - split;
  const seen = min(job.positions, (last + 1) * job.blockRows);
  if (split > 0) zeroRows(dkv, strideDkv, seen, job.positions);
  if (split > 0) zeroRows(dkRope, head.strideRope, seen, job.positions);
  for (let block = last; block >= 0; block -= job.splits) {
    const first = block * job.blockRows;
    const rows = min(job.blockRows, job.positions - first);
    gradOfBlock(head, first, rows, dkv, strideDkv, dkRope, block < last);
  }
}

/** Rows from .. to of a part: keys that none of its queries sees. */
function zeroRows(part: usize, stride: usize, from: i32, to: i32): void {
  memory.fill(part + <usize>from * stride, 0, <usize>(to - from) * stride);
}

/** Adds to dkv and dkRope, or, for the first block, sets them. */
function gradOfBlock(
  head: Head,
  first: i32,
  rows: i32,
  dkv: usize,
  strideDkv: usize,
  dkRope: usize,
  accumulate: bool,
): void {
  scoreBlock(head, first, rows);
  probabilityGradients(head, first, rows);
  for (let r = 0; r < rows; r++) scoreGradients(head, r, first + r);
  const q = head.q + <usize>first * head.strideQ;
  const dq = head.dq + <usize>first * head.strideQ;
  const dOut = head.dOut + <usize>first * head.strideOut;
  const ds = head.gradients;
  const nope = (<usize>head.nope) << 2;
  weightedKeys(head, ds, first, rows, head.kv, head.strideKv, head.nope, dq, head.strideQ);
  weightedKeys(head, ds, first, rows, head.kRope, head.strideRope, head.rope, dq + nope, head.strideQ);
  weightedQueries(head, ds, first, rows, q, head.strideQ, head.nope, dkv, strideDkv, accumulate);
  weightedQueries(head, ds, first, rows, q + nope, head.strideQ, head.rope, dkRope, head.strideRope, accumulate);
  weightedQueries(head, head.scores, first, rows, dOut, head.strideOut, head.value, dkv + nope, strideDkv, accumulate);
}

/**
 * Row r of a block, query i: turns its scores into probabilities and their gradients into those of the scores, in
 * place.
 */
function scoreGradients(head: Head, r: i32, i: i32): void {
  const scores = head.scores + <usize>r * head.strideScores;
  const gradients = head.gradients + <usize>r * head.strideScores;
  hideKeys(head, scores, i);
  const stats = head.stats + ((<usize>i) << 3);
  const scale = f32x4.splat(head.scale);
  const shift = f32x4.splat(-load<f32>(stats));
  const share = f32x4.splat(load<f32>(stats, 4));
  const outRow = <usize>i * head.strideOut;
  const mean = f32x4.splat(dot(head.out + outRow, head.dOut + outRow, head.value));
  const end = (<usize>(i + 1)) << 2;
  for (let at: usize = 0; at < end; at += 32) {
    const s = scores + at;
    const g = gradients + at;
    const p0 = f32x4.mul(exp4(madd(v128.load(s), scale, shift)), share);
    const p1 = f32x4.mul(exp4(madd(v128.load(s, 16), scale, shift)), share);
    const ds0 = f32x4.mul(f32x4.mul(p0, scale), f32x4.sub(v128.load(g), mean));
    const ds1 = f32x4.mul(f32x4.mul(p1, scale), f32x4.sub(v128.load(g, 16), mean));
    v128.store(s, p0);
    v128.store(s, p1, 16);
    v128.store(g, ds0);
    v128.store(g, ds1, 16);
  }
  fillAfter(scores, i, f32x4.splat(0));
  fillAfter(gradients, i, f32x4.splat(0));
}

/** Adds all parts and heads of some tokens. */
function sumChunk(chunk: i32): void {
  const job = changetype<AttentionJob>(ARGUMENTS);
  const end = min(job.batch * job.positions, (chunk + 1) * job.unitsPerChunk);
  for (let token = chunk * job.unitsPerChunk; token < end; token++) {
    const b = token / job.positions;
    const t = token % job.positions;
    const dkRope = job.dkRope + ((<usize>token * <usize>job.rope) << 2);
    for (let split = 0; split < job.splits; split++) {
      for (let h = 0; h < job.heads; h++) {
        const head = (<usize>split * <usize>job.batch + <usize>b) * <usize>job.heads + <usize>h;
        const row = head * <usize>job.positions + <usize>t;
        const share = job.dkRopeParts + ((row * <usize>job.rope) << 2);
        sumInto(dkRope, share, job.rope, split + h > 0);
      }
    }
    if (job.splits > 1) addKeysAndValues(job, token, b, t);
  }
}

function addKeysAndValues(job: AttentionJob, token: i32, b: i32, t: i32): void {
  const width = job.nope + job.value;
  for (let h = 0; h < job.heads; h++) {
    const dkv = job.dkv + (((<usize>token * <usize>job.heads + <usize>h) * <usize>width) << 2);
    for (let split = 1; split < job.splits; split++) {
      const head = (<usize>(split - 1) * <usize>job.batch + <usize>b) * <usize>job.heads + <usize>h;
      const row = head * <usize>job.positions + <usize>t;
      sumInto(dkv, job.dkvParts + ((row * <usize>width) << 2), width, true);
    }
  }
}

/** target = (or += where `accumulate`) source. */
function sumInto(target: usize, source: usize, n: i32, accumulate: bool): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = (<usize>i) << 2;
    const value = v128.load(source + at);
    v128.store(target + at, accumulate ? f32x4.add(v128.load(target + at), value) : value);
  }
  for (; i < n; i++) {
    const at = (<usize>i) << 2;
    const value = load<f32>(source + at);
    store<f32>(target + at, accumulate ? load<f32>(target + at) + value : value);
  }
}
