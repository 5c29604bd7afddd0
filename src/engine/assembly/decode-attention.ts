// Attention of a decoder in the absorbed form: a head's query goes through the key up-projection into the space of the
// latents, attends to the cache itself, and what it found comes back through the value up-projection.
//
// A chunk is one head of some rows, from the compressed query to the head's values. Source: F 1.4.

import { DecodeJob, decodeJob, rowAt, rowOf } from './decode-model';
import { multiplyRows, panelBytes, panelsOf } from './decode-product';
import { cacheOf, compressedWidth, turn } from './decode-rows';
import { exp1, horizontalSum, madd } from './simd';
import { exponentials, largestOf } from './softmax-row';
import { run, scratch } from './threads';

/** Rows of a chunk. */
const ROWS: i32 = 8;
/** Keys whose scores are held at a time. */
const KEYS: i32 = 128;

/** values [N, H, V] of the rows of the pass. */
export function attendRows(job: DecodeJob): void {
  run(attendChunk, job.model.heads * ((job.count + ROWS - 1) / ROWS));
}

function attendChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const head = chunk % model.heads;
  const first = (chunk / model.heads) * ROWS;
  const count = min(ROWS, job.count - first);
  const width = model.latent + model.rope;
  const stride = (<usize>(model.heads * width)) << 2;
  const queries = model.latentQueries + (<usize>(first * model.heads + head) * <usize>width << 2);
  latentQueries(job, head, first, count, queries, stride);
  const strideZ = (<usize>(model.heads * model.latent)) << 2;
  const z = model.latentValues + (<usize>(first * model.heads + head) * <usize>model.latent << 2);
  for (let i = 0; i < count; i++) {
    const row = rowOf(job, first + i);
    const at = <usize>i;
    attend(queries + at * stride, cacheOf(job, row), row.position + 1, width, model.latent, z + at * strideZ);
  }
  const matrix = job.layer.valueUp + <usize>(head * panelsOf(model.value)) * panelBytes(model.latent);
  const values = model.values + (<usize>(first * model.heads + head) * <usize>model.value << 2);
  const strideV = (<usize>(model.heads * model.value)) << 2;
  multiplyRows(z, strideZ, model.latent, matrix, values, strideV, model.value, count, false);
}

/** Queries of a head in the space of the cache's entries, scaled: [count, C+R], `stride` bytes apart. */
function latentQueries(job: DecodeJob, head: i32, first: i32, count: i32, out: usize, stride: usize): void {
  const model = job.model;
  const width = model.nope + model.rope;
  const compressed = rowAt(model.compressed, first, compressedWidth(model));
  let q = compressed + (<usize>(head * width) << 2);
  let strideQ = (<usize>compressedWidth(model)) << 2;
  if (model.query) {
    q = model.queries + (<usize>(first * model.heads + head) * <usize>width << 2);
    const matrix = job.layer.queryUp + <usize>(head * panelsOf(width)) * panelBytes(model.query);
    const strideOut = (<usize>(model.heads * width)) << 2;
    multiplyRows(compressed, strideQ, model.query, matrix, q, strideOut, width, count, false);
    strideQ = strideOut;
  }
  const keyUp = job.layer.keyUp + <usize>(head * panelsOf(model.latent)) * panelBytes(model.nope);
  multiplyRows(q, strideQ, model.nope, keyUp, out, stride, model.latent, count, false);
  for (let i = 0; i < count; i++, q += strideQ, out += stride) {
    turn(model, rowOf(job, first + i).position, q + (<usize>model.nope << 2), out + (<usize>model.latent << 2));
    scaleRow(out, model.latent + model.rope, model.attentionScale);
  }
}

/**
 * z [C] = softmax(q * cache^T) * (the first C channels of cache), over entries 0 to length - 1 of `width` floats.
 *
 * Keys come in blocks; what was summed before is scaled down when a larger score turns up.
 */
function attend(q: usize, cache: usize, length: i32, width: i32, channels: i32, z: usize): void {
  const scores = scratch;
  let largest: f32 = -Infinity;
  let sum: f32 = 0;
  memory.fill(z, 0, (<usize>channels) << 2);
  for (let j = 0; j < length; j += KEYS) {
    const keys = min(KEYS, length - j);
    const entries = rowAt(cache, j, width);
    scoreKeys(q, entries, keys, width, scores);
    const top = max(largest, largestOf(scores, keys));
    if (j > 0 && top > largest) {
      const shrink = exp1(largest - top);
      scaleRow(z, channels, shrink);
      sum *= shrink;
    }
    largest = top;
    sum += exponentials(scores, scores, keys, top);
    addWeighted(scores, entries, keys, width, channels, z);
  }
  scaleRow(z, channels, <f32>1 / sum);
}

function scoreKeys(q: usize, entries: usize, keys: i32, width: i32, scores: usize): void {
  const stride = (<usize>width) << 2;
  let j = 0;
  for (; j + 4 <= keys; j += 4, entries += stride << 2, scores += 16)
    v128.store(scores, fourScores(q, entries, stride, width));
  for (; j < keys; j++, entries += stride, scores += 4) store<f32>(scores, oneScore(q, entries, width));
}

/** Scores of four keys: the sums of `oneScore`, side by side. */
@inline
function fourScores(q: usize, k0: usize, stride: usize, width: i32): v128 {
  const k1 = k0 + stride;
  const k2 = k1 + stride;
  const k3 = k2 + stride;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const at = (<usize>i) << 2;
    const x = v128.load(q + at);
    s0 = madd(x, v128.load(k0 + at), s0);
    s1 = madd(x, v128.load(k1 + at), s1);
    s2 = madd(x, v128.load(k2 + at), s2);
    s3 = madd(x, v128.load(k3 + at), s3);
  }
  let sums = sumsOf(s0, s1, s2, s3);
  for (; i < width; i++) {
    const at = (<usize>i) << 2;
    let four = v128.load32_splat(k0 + at);
    four = v128.load32_lane(k1 + at, four, 1);
    four = v128.load32_lane(k2 + at, four, 2);
    four = v128.load32_lane(k3 + at, four, 3);
    sums = f32x4.add(sums, f32x4.mul(v128.load32_splat(q + at), four));
  }
  return sums;
}

/** The sum of each of four vectors, in the order of `horizontalSum`. */
@inline
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const first = f32x4.add(v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5), v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
  const second = f32x4.add(v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5), v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
  return f32x4.add(first, second);
}

function oneScore(q: usize, key: usize, width: i32): f32 {
  let s = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4) s = madd(v128.load(q + ((<usize>i) << 2)), v128.load(key + ((<usize>i) << 2)), s);
  let sum = horizontalSum(s);
  for (; i < width; i++) sum += load<f32>(q + ((<usize>i) << 2)) * load<f32>(key + ((<usize>i) << 2));
  return sum;
}

/** z += weights * entries, channel by channel in order of the keys. */
function addWeighted(weights: usize, entries: usize, keys: i32, width: i32, channels: i32, z: usize): void {
  const stride = (<usize>width) << 2;
  const end = weights + ((<usize>keys) << 2);
  let i = 0;
  for (; i + 16 <= channels; i += 16, entries += 64, z += 64) addSixteen(weights, end, entries, stride, z);
  for (; i < channels; i++, entries += 4, z += 4) {
    let sum = load<f32>(z);
    let entry = entries;
    for (let w = weights; w < end; w += 4, entry += stride) sum += load<f32>(w) * load<f32>(entry);
    store<f32>(z, sum);
  }
}

@inline
function addSixteen(weights: usize, end: usize, entry: usize, stride: usize, z: usize): void {
  let z0 = v128.load(z);
  let z1 = v128.load(z, 16);
  let z2 = v128.load(z, 32);
  let z3 = v128.load(z, 48);
  for (; weights < end; weights += 4, entry += stride) {
    const weight = v128.load32_splat(weights);
    z0 = madd(weight, v128.load(entry), z0);
    z1 = madd(weight, v128.load(entry, 16), z1);
    z2 = madd(weight, v128.load(entry, 32), z2);
    z3 = madd(weight, v128.load(entry, 48), z3);
  }
  v128.store(z, z0);
  v128.store(z, z1, 16);
  v128.store(z, z2, 32);
  v128.store(z, z3, 48);
}

function scaleRow(x: usize, width: i32, by: f32): void {
  const factor = f32x4.splat(by);
  let i = 0;
  for (; i + 4 <= width; i += 4, x += 16) v128.store(x, f32x4.mul(v128.load(x), factor));
  for (; i < width; i++, x += 4) store<f32>(x, load<f32>(x) * by);
}
