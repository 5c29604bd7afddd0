// Causal attention in the training form of MLA: keys and values of each head, one rotary key for all heads.
//
// A unit of work is a block of queries of one head. Their scores are complete rows, so the softmax is the plain one:
// subtract the maximum, take exponentials, multiply by the values, divide by the sum.

// Shape legend: B batch, T positions, H heads, P channels without position, R rotary channels, V value channels.

import {
  AttentionJob,
  Head,
  describeAttention,
  fillAfter,
  hideKeys,
  openHead,
  scoreBlock,
  threadBytes,
  weightedKeys,
} from './block';
import { exp4, horizontalSum, madd } from '../shared/simd';
import { ARGUMENTS, MAX_CHUNKS, run } from '../shared/threads';

/** Numbers of work space that `mlaAttention` needs for each thread. */
export function attentionWorkspace(positions: i32, nope: i32, rope: i32, value: i32): i32 {
  return <i32>(threadBytes(positions, nope, rope, value, 1) >> 2);
}

/**
 * Shapes: q [B, T, H, P+R], kv [B, T, H, P+V], kRope [B, T, R], documents [B, T] or 0, out [B, T, H*V]; stats [B, H, T,
 * 2] gets the largest score of each query, and 1 / the sum of the exponentials of all scores less that. No size is 0.
 */
export function mlaAttention(
  q: usize,
  kv: usize,
  kRope: usize,
  documents: usize,
  out: usize,
  stats: usize,
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
  job.workspace = workspace;
  job.workspaceBytes = threadBytes(positions, nope, rope, value, 1);
  const units = batch * heads * job.blocks;
  job.unitsPerChunk = (units + MAX_CHUNKS - 1) / MAX_CHUNKS;
  run(attentionChunk, (units + job.unitsPerChunk - 1) / job.unitsPerChunk);
}

function attentionChunk(chunk: i32): void {
  const job = changetype<AttentionJob>(ARGUMENTS);
  const heads = job.batch * job.heads;
  const end = min(heads * job.blocks, (chunk + 1) * job.unitsPerChunk);
  for (let unit = chunk * job.unitsPerChunk; unit < end; unit++) {
    // The last block sees most keys: long units first, so that threads end together.
    const first = (job.blocks - 1 - unit / heads) * job.blockRows;
    const head = openHead(job, unit % heads);
    attend(head, first, min(job.blockRows, job.positions - first));
  }
}

function attend(head: Head, first: i32, rows: i32): void {
  scoreBlock(head, first, rows);
  const stats = head.stats + ((<usize>first) << 3);
  let row = head.scores;
  for (let r = 0; r < rows; r++, row += head.strideScores) {
    hideKeys(head, row, first + r);
    exponentials(row, first + r, head.scale, stats + ((<usize>r) << 3));
  }
  const values = head.kv + ((<usize>head.nope) << 2);
  const out = head.out + <usize>first * head.strideOut;
  weightedKeys(head, head.scores, first, rows, values, head.strideKv, head.value, out, head.strideOut);
  for (let r = 0; r < rows; r++) {
    scaleRow(out + <usize>r * head.strideOut, head.value, load<f32>(stats + ((<usize>r) << 3), 4));
  }
}

/** e^(scaled score - the largest), in place, for keys 0 .. i; zeros after them. */
function exponentials(row: usize, i: i32, scale: f32, stats: usize): void {
  const factor = f32x4.splat(scale);
  let max0 = f32x4.splat(-Infinity);
  let max1 = max0;
  const end = row + ((<usize>(i + 1)) << 2);
  // Unlike max, pmax is one instruction. It passes over a NaN; the sum does not.
  for (let at = row; at < end; at += 32) {
    max0 = f32x4.pmax(max0, v128.load(at));
    max1 = f32x4.pmax(max1, v128.load(at, 16));
  }
  const largest = f32x4.mul(largestOfFour(f32x4.pmax(max0, max1)), factor);
  const shift = f32x4.neg(largest);
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  for (let at = row; at < end; at += 32) {
    const e0 = exp4(madd(v128.load(at), factor, shift));
    const e1 = exp4(madd(v128.load(at, 16), factor, shift));
    v128.store(at, e0);
    v128.store(at, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  fillAfter(row, i, f32x4.splat(0));
  store<f32>(stats, f32x4.extract_lane(largest, 0));
  store<f32>(stats, <f32>1 / horizontalSum(f32x4.add(sum0, sum1)), 4);
}

/** In all four places. */
@inline
function largestOfFour(v: v128): v128 {
  const two = f32x4.pmax(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.pmax(two, v128.shuffle<f32>(two, two, 1, 0, 3, 2));
}

function scaleRow(row: usize, n: i32, factor: f32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = row + ((<usize>i) << 2);
    v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(factor)));
  }
  for (; i < n; i++) {
    const at = row + ((<usize>i) << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}
