// Attention of a decoder in the absorbed form: a head's query goes through the key up-projection into the space of the
// latents, attends to the cache itself, and what it found comes back through the value up-projection.
//
// A chunk is one head of some rows, from the compressed query to the head's values. Source: F 1.4.

import { DecodeJob, decodeJob, rowAt, rowOf } from './model';
import { multiplyRows } from './product';
import { cacheOf, compressedWidth, turn } from './rows';
import { BLOCK, matrixBytes } from './weights';
import { exp1, madd } from '../shared/simd';
import { exponentials, largestOf } from '../shared/softmax-row';
import { run, scratch } from '../shared/threads';

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
  const format = model.format;
  const matrix = job.layer.valueUp + <usize>head * matrixBytes(format, model.latent, model.value);
  const values = model.values + (<usize>(first * model.heads + head) * <usize>model.value << 2);
  const strideV = (<usize>(model.heads * model.value)) << 2;
  multiplyRows(z, strideZ, model.latent, matrix, format, 0, values, strideV, model.value, count, false);
}

/** Queries of a head in the space of the cache's entries, scaled: [count, C+R], `stride` bytes apart. */
function latentQueries(job: DecodeJob, head: i32, first: i32, count: i32, out: usize, stride: usize): void {
  const model = job.model;
  const format = model.format;
  const width = model.nope + model.rope;
  const compressed = rowAt(model.compressed, first, compressedWidth(model));
  let q = compressed + (<usize>(head * width) << 2);
  let strideQ = (<usize>compressedWidth(model)) << 2;
  if (model.query) {
    q = model.queries + (<usize>(first * model.heads + head) * <usize>width << 2);
    const matrix = job.layer.queryUp + <usize>head * matrixBytes(format, model.query, width);
    const strideOut = (<usize>(model.heads * width)) << 2;
    multiplyRows(compressed, strideQ, model.query, matrix, format, 0, q, strideOut, width, count, false);
    strideQ = strideOut;
  }
  const keyUp = job.layer.keyUp + <usize>head * matrixBytes(format, model.nope, model.latent);
  // Its inputs are rows of the file's matrix, in which a head has nope + value of them.
  const offset = (head * (model.nope + model.value)) % BLOCK;
  multiplyRows(q, strideQ, model.nope, keyUp, format, offset, out, stride, model.latent, count, false);
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

/** Scores of keys; sums that are under way lie behind them. */
function scoreKeys(q: usize, entries: usize, keys: i32, width: i32, scores: usize): void {
  const stride = (<usize>width) << 2;
  const sums = scores + (KEYS << 2);
  let j = 0;
  for (; j + 4 <= keys; j += 4, entries += stride << 2, scores += 16) {
    sumFour(q, entries, stride, width, sums);
    const first = f32x4.add(v128.load(sums), v128.load(sums, 16));
    const third = f32x4.add(v128.load(sums, 64), v128.load(sums, 80));
    const second = f32x4.add(v128.load(sums, 32), v128.load(sums, 48));
    const fourth = f32x4.add(v128.load(sums, 96), v128.load(sums, 112));
    v128.store(scores, addTail(sumsOf(first, second, third, fourth), q, entries, stride, width));
  }
  for (; j < keys; j++, entries += stride, scores += 4) {
    // A key by itself, in the same order.
    sumFour(q, entries, 0, width, sums);
    const own = f32x4.add(v128.load(sums), v128.load(sums, 16));
    store<f32>(scores, f32x4.extract_lane(addTail(sumsOf(own, own, own, own), q, entries, 0, width), 0));
  }
}

/** Eight sums of each of four keys: pairs of vectors, which V8 joins. */
@inline
function sumFour(q: usize, k0: usize, stride: usize, width: i32, sums: usize): void {
  const k1 = k0 + stride;
  const k2 = k1 + stride;
  const k3 = k2 + stride;
  let a0 = f32x4.splat(0);
  let a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  for (let i = 0; i + 8 <= width; i += 8) {
    const at = (<usize>i) << 2;
    const x0 = v128.load(q + at);
    const x1 = v128.load(q + at, 16);
    a0 = madd(x0, v128.load(k0 + at), a0);
    a1 = madd(x1, v128.load(k0 + at, 16), a1);
    b0 = madd(x0, v128.load(k1 + at), b0);
    b1 = madd(x1, v128.load(k1 + at, 16), b1);
    c0 = madd(x0, v128.load(k2 + at), c0);
    c1 = madd(x1, v128.load(k2 + at, 16), c1);
    d0 = madd(x0, v128.load(k3 + at), d0);
    d1 = madd(x1, v128.load(k3 + at, 16), d1);
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, b0, 32);
  v128.store(sums, b1, 48);
  v128.store(sums, c0, 64);
  v128.store(sums, c1, 80);
  v128.store(sums, d0, 96);
  v128.store(sums, d1, 112);
}

/** Adds what the channels behind the last eight give. */
@inline
function addTail(scores: v128, q: usize, k0: usize, stride: usize, width: i32): v128 {
  for (let i = width & ~7; i < width; i++) {
    const at = k0 + ((<usize>i) << 2);
    let four = v128.load32_splat(at);
    four = v128.load32_lane(at + stride, four, 1);
    four = v128.load32_lane(at + stride * 2, four, 2);
    four = v128.load32_lane(at + stride * 3, four, 3);
    scores = f32x4.add(scores, f32x4.mul(v128.load32_splat(q + ((<usize>i) << 2)), four));
  }
  return scores;
}

/** The sum of each of four vectors. */
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

/** z += weights * entries, channel by channel in order of the keys. */
function addWeighted(weights: usize, entries: usize, keys: i32, width: i32, channels: i32, z: usize): void {
  const stride = (<usize>width) << 2;
  const end = weights + ((<usize>keys) << 2);
  let i = 0;
  for (; i + 32 <= channels; i += 32, entries += 128, z += 128) addThirtyTwo(weights, end, entries, stride, z);
  for (; i + 16 <= channels; i += 16, entries += 64, z += 64) addSixteen(weights, end, entries, stride, z);
  for (; i < channels; i++, entries += 4, z += 4) {
    let sum = load<f32>(z);
    let entry = entries;
    for (let w = weights; w < end; w += 4, entry += stride) sum += load<f32>(w) * load<f32>(entry);
    store<f32>(z, sum);
  }
}

/** Twice as many sums under way as in `addSixteen`: enough to hide how long a multiply-add takes. */
@inline
function addThirtyTwo(weights: usize, end: usize, entry: usize, stride: usize, z: usize): void {
  let z0 = v128.load(z);
  let z1 = v128.load(z, 16);
  let z2 = v128.load(z, 32);
  let z3 = v128.load(z, 48);
  let z4 = v128.load(z, 64);
  let z5 = v128.load(z, 80);
  let z6 = v128.load(z, 96);
  let z7 = v128.load(z, 112);
  for (; weights < end; weights += 4, entry += stride) {
    const weight = v128.load32_splat(weights);
    z0 = madd(weight, v128.load(entry), z0);
    z1 = madd(weight, v128.load(entry, 16), z1);
    z2 = madd(weight, v128.load(entry, 32), z2);
    z3 = madd(weight, v128.load(entry, 48), z3);
    z4 = madd(weight, v128.load(entry, 64), z4);
    z5 = madd(weight, v128.load(entry, 80), z5);
    z6 = madd(weight, v128.load(entry, 96), z6);
    z7 = madd(weight, v128.load(entry, 112), z7);
  }
  v128.store(z, z0);
  v128.store(z, z1, 16);
  v128.store(z, z2, 32);
  v128.store(z, z3, 48);
  v128.store(z, z4, 64);
  v128.store(z, z5, 80);
  v128.store(z, z6, 96);
  v128.store(z, z7, 112);
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
