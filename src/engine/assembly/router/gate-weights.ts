// How much each chosen expert counts for a token, and the gradient of that.

import { sigmoidRow } from './scores';
import { exp1 } from '../shared/simd';
import { largestOf, softmaxRow, sumOfExponentials } from '../shared/softmax-row';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class GateJob {
  logits: usize;
  indices: usize;
  gates: usize;
  scores: usize;
  dGates: usize;
  dLogits: usize;
  tokens: i32;
  experts: i32;
  perToken: i32;
  tokensPerChunk: i32;
  softmax: bool;
  normalise: bool;
  scale: f32;
}

/** Logits of a chunk. */
const CHUNK: i32 = 2048;
/** Keeps 0/0 from arising when every selected sigmoid underflows. */
const NORMALISER_EPS: f32 = 1e-20;

/**
 * Gates of the selected experts: their scores, normalised if `normalise`, times `scale`.
 *
 * Shapes: logits [tokens, experts], indices, gates and scores [tokens, perToken].
 */
export function gateWeights(
  logits: usize,
  indices: usize,
  gates: usize,
  scores: usize,
  tokens: i32,
  experts: i32,
  perToken: i32,
  softmax: bool,
  normalise: bool,
  scale: f32,
): void {
  const job = describe(logits, indices, scores, tokens, experts, perToken, softmax, normalise, scale);
  job.gates = gates;
  job.tokensPerChunk = max(1, CHUNK / (softmax ? experts : perToken));
  run(gateChunk, (tokens + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

function describe(
  logits: usize,
  indices: usize,
  scores: usize,
  tokens: i32,
  experts: i32,
  perToken: i32,
  softmax: bool,
  normalise: bool,
  scale: f32,
): GateJob {
  const job = changetype<GateJob>(ARGUMENTS);
  job.logits = logits;
  job.indices = indices;
  job.scores = scores;
  job.tokens = tokens;
  job.experts = experts;
  job.perToken = perToken;
  job.softmax = softmax;
  job.normalise = normalise;
  job.scale = scale;
  return job;
}

function gateChunk(chunk: i32): void {
  const job = changetype<GateJob>(ARGUMENTS);
  const perToken = job.perToken;
  const first = chunk * job.tokensPerChunk;
  const end = min(job.tokens, first + job.tokensPerChunk);
  const start = job.scores + ((<usize>first * <usize>perToken) << 2);
  for (let token = first; token < end; token++) {
    const row = job.logits + ((<usize>token * <usize>job.experts) << 2);
    const offset = (<usize>token * <usize>perToken) << 2;
    gather(row, job.indices + offset, job.scores + offset, perToken);
    if (job.softmax) selectedSoftmax(row, job.experts, job.scores + offset, perToken);
  }
  if (!job.softmax) sigmoidRow(start, start, (end - first) * perToken);
  for (let token = first; token < end; token++) {
    const offset = (<usize>token * <usize>perToken) << 2;
    const scores = job.scores + offset;
    const factor = job.normalise ? job.scale / (sumOf(scores, perToken) + NORMALISER_EPS) : job.scale;
    for (let k: usize = 0; k < (<usize>perToken) << 2; k += 4)
      store<f32>(job.gates + offset + k, load<f32>(scores + k) * factor);
  }
}

function gather(row: usize, indices: usize, out: usize, size: i32): void {
  for (let k: usize = 0; k < (<usize>size) << 2; k += 4)
    store<f32>(out + k, load<f32>(row + ((<usize>load<i32>(indices + k)) << 2)));
}

/** Softmax over a row of logits, of a few of them only, in place. */
function selectedSoftmax(row: usize, size: i32, selected: usize, count: i32): void {
  const largest = largestOf(row, size);
  const sum = sumOfExponentials(row, size, largest);
  for (let k: usize = 0; k < (<usize>count) << 2; k += 4)
    store<f32>(selected + k, exp1(load<f32>(selected + k) - largest) / sum);
}

function sumOf(x: usize, size: i32): f32 {
  let sum: f32 = 0;
  for (let i: usize = 0; i < (<usize>size) << 2; i += 4) sum += load<f32>(x + i);
  return sum;
}

/** Shapes: dGates as gates, dLogits as logits; the others as in `gateWeights`. */
export function gateWeightsGrad(
  logits: usize,
  indices: usize,
  scores: usize,
  dGates: usize,
  dLogits: usize,
  tokens: i32,
  experts: i32,
  perToken: i32,
  softmax: bool,
  normalise: bool,
  scale: f32,
): void {
  const job = describe(logits, indices, scores, tokens, experts, perToken, softmax, normalise, scale);
  job.dGates = dGates;
  job.dLogits = dLogits;
  job.tokensPerChunk = max(1, CHUNK / experts);
  run(gateGradChunk, (tokens + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

function gateGradChunk(chunk: i32): void {
  const job = changetype<GateJob>(ARGUMENTS);
  const end = min(job.tokens, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) gateGradRow(job, token);
}

/**
 * With g = s / sum(s): dg/ds gives ds = (dg - sum(dg * g)) / sum(s). A sigmoid then takes ds * s * (1 - s), for
 * selected experts; a softmax takes p * (ds - sum(p * ds)), for all.
 */
function gateGradRow(job: GateJob, token: i32): void {
  const experts = job.experts;
  const bytes = (<usize>job.perToken) << 2;
  const offset = <usize>token * bytes;
  const indices = job.indices + offset;
  const scores = job.scores + offset;
  const dGates = job.dGates + offset;
  const row = (<usize>token * <usize>experts) << 2;
  const dLogits = job.dLogits + row;
  let factor = job.scale;
  let pull: f32 = 0;
  if (job.normalise) {
    const sum = sumOf(scores, job.perToken) + NORMALISER_EPS;
    factor /= sum;
    for (let k: usize = 0; k < bytes; k += 4) pull += load<f32>(dGates + k) * (load<f32>(scores + k) / sum);
  }
  let total: f32 = 0;
  if (job.softmax) {
    for (let k: usize = 0; k < bytes; k += 4) total += load<f32>(scores + k) * (factor * (load<f32>(dGates + k) - pull));
    softmaxRow(job.logits + row, dLogits, experts);
    for (let i = 0; i < experts; i++) {
      const at = dLogits + ((<usize>i) << 2);
      store<f32>(at, -load<f32>(at) * total);
    }
  } else memory.fill(dLogits, 0, (<usize>experts) << 2);
  for (let k: usize = 0; k < bytes; k += 4) {
    const score = load<f32>(scores + k);
    const dScore = factor * (load<f32>(dGates + k) - pull);
    const at = dLogits + ((<usize>load<i32>(indices + k)) << 2);
    store<f32>(at, load<f32>(at) + dScore * (job.softmax ? score : score * (<f32>1 - score)));
  }
}
