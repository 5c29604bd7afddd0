// The auxiliary balance loss: sum over experts of f * P, averaged over sequences, and its gradient at the same time.
//
// f, the share of selections times E, is a constant, so with w = f / (S * L) the loss is the sum over tokens of p * w,
// where p are a token's normalised affinities, and its gradient is p * (w - sum(p * w)), times sigmoid(-x) where the
// affinity is a sigmoid. Shape legend: N tokens in S sequences of L, E experts, K per token.

import { sigmoidSharesRow } from './scores';
import { softmaxRow } from '../shared/softmax-row';
import { horizontalSum, madd, sigmoid1, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';
import { topK, toKeys } from './top-k';

@unmanaged
class BalanceJob {
  logits: usize;
  indices: usize;
  /** [S, E]. */
  weights: usize;
  tokenLosses: usize;
  grad: usize;
  dy: usize;
  N: i32;
  E: i32;
  K: i32;
  L: i32;
  tokensPerChunk: i32;
  softmax: bool;
}

/** Logits of a chunk. */
const CHUNK: i32 = 2048;

/** The K largest logits of each token. Shapes: logits and `keys` [N, E], indices [N, K]; keys are workspace. */
export function selectLogits(logits: usize, indices: usize, keys: usize, N: i32, E: i32, K: i32): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  job.logits = logits;
  job.indices = indices;
  job.grad = keys;
  job.N = N;
  job.E = E;
  job.K = K;
  job.tokensPerChunk = max(1, CHUNK / E);
  run(selectChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

function selectChunk(chunk: i32): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  const bytes = (<usize>job.E) << 2;
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) {
    const keys = job.grad + <usize>token * bytes;
    memory.copy(keys, job.logits + <usize>token * bytes, bytes);
    toKeys(keys, job.E);
    topK(keys, job.E, job.K, job.indices + ((<usize>token * <usize>job.K) << 2));
  }
}

/**
 * Shapes: logits and grad [N, E], indices [N, K], loss []; `weights` [S, E] and `tokenLosses` [N] are workspace.
 */
export function balanceLoss(
  logits: usize,
  indices: usize,
  weights: usize,
  tokenLosses: usize,
  grad: usize,
  loss: usize,
  N: i32,
  E: i32,
  K: i32,
  S: i32,
  softmax: bool,
): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  job.logits = logits;
  job.indices = indices;
  job.weights = weights;
  job.tokenLosses = tokenLosses;
  job.grad = grad;
  job.N = N;
  job.E = E;
  job.K = K;
  job.L = N / S;
  job.softmax = softmax;
  job.tokensPerChunk = max(1, CHUNK / E);
  for (let s = 0; s < S; s++) weighExperts(job, s, S);
  run(tokenChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
  let sum: f64 = 0;
  for (let n: usize = 0; n < (<usize>N) << 2; n += 4) sum += load<f32>(tokenLosses + n);
  store<f32>(loss, <f32>sum);
}

/** Counts the selections of a sequence and turns them into weights, in place. */
function weighExperts(job: BalanceJob, s: i32, S: i32): void {
  const E = job.E;
  const size = job.L * job.K;
  const counts = job.weights + ((<usize>s * <usize>E) << 2);
  const indices = job.indices + ((<usize>s * <usize>size) << 2);
  memory.fill(counts, 0, (<usize>E) << 2);
  for (let i: usize = 0; i < (<usize>size) << 2; i += 4) {
    const expert = load<u32>(indices + i);
    if (expert >= <u32>E) continue;
    const at = counts + ((<usize>expert) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  const scale = <f64>E / (<f64>size * <f64>job.L * <f64>S);
  for (let e: usize = 0; e < (<usize>E) << 2; e += 4) store<f32>(counts + e, <f32>(<f64>load<i32>(counts + e) * scale));
}

function tokenChunk(chunk: i32): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  const E = job.E;
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) {
    const logits = job.logits + ((<usize>token * <usize>E) << 2);
    const p = job.grad + ((<usize>token * <usize>E) << 2);
    const weights = job.weights + ((<usize>(token / job.L) * <usize>E) << 2);
    if (job.softmax) softmaxRow(logits, p, E);
    else sigmoidSharesRow(logits, p, E);
    const loss = dot(p, weights, E);
    store<f32>(job.tokenLosses + ((<usize>token) << 2), loss);
    gradRow(logits, p, weights, loss, E, job.softmax);
  }
}

function dot(a: usize, b: usize, size: i32): f32 {
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= size; i += 4, a += 16, b += 16) sums = madd(v128.load(a), v128.load(b), sums);
  let sum = horizontalSum(sums);
  for (; i < size; i++, a += 4, b += 4) sum += load<f32>(a) * load<f32>(b);
  return sum;
}

/** Replaces p by p * (w - loss), times sigmoid(-x) unless the affinity is a softmax. */
function gradRow(x: usize, p: usize, weights: usize, loss: f32, size: i32, softmax: bool): void {
  const losses = f32x4.splat(loss);
  let i = 0;
  for (; i + 8 <= size; i += 8, x += 32, p += 32, weights += 32) {
    let a = f32x4.mul(v128.load(p), f32x4.sub(v128.load(weights), losses));
    let b = f32x4.mul(v128.load(p, 16), f32x4.sub(v128.load(weights, 16), losses));
    if (!softmax) {
      a = f32x4.mul(a, sigmoid4(f32x4.neg(v128.load(x))));
      b = f32x4.mul(b, sigmoid4(f32x4.neg(v128.load(x, 16))));
    }
    v128.store(p, a);
    v128.store(p, b, 16);
  }
  for (; i < size; i++, x += 4, p += 4, weights += 4) {
    const pull = load<f32>(p) * (load<f32>(weights) - loss);
    store<f32>(p, softmax ? pull : pull * sigmoid1(-load<f32>(x)));
  }
}

/** dLogits = grad * dy. Shapes: grad and dLogits [size], dy []. */
export function balanceLossGrad(grad: usize, dy: usize, dLogits: usize, size: i32): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  job.grad = grad;
  job.dy = dy;
  job.logits = dLogits;
  job.N = size;
  run(scaleChunk, (size + CHUNK - 1) / CHUNK);
}

function scaleChunk(chunk: i32): void {
  const job = changetype<BalanceJob>(ARGUMENTS);
  const dy = load<f32>(job.dy);
  const from = (<usize>chunk * <usize>CHUNK) << 2;
  const end = (<usize>min(job.N, (chunk + 1) * CHUNK)) << 2;
  let at = from;
  for (; at + 16 <= end; at += 16)
    v128.store(job.logits + at, f32x4.mul(v128.load(job.grad + at), f32x4.splat(dy)));
  for (; at < end; at += 4) store<f32>(job.logits + at, load<f32>(job.grad + at) * dy);
}
