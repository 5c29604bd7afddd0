// Who goes where: the choice of experts, and how often each was chosen.

import { sigmoidRow } from './scores';
import { softmaxRow } from '../shared/softmax-row';
import { ARGUMENTS, run, threadIndex } from '../shared/threads';
import { EXCLUDED_KEY, topK, toKeys } from './top-k';

@unmanaged
class RouterJob {
  logits: usize;
  bias: usize;
  indices: usize;
  workspace: usize;
  workspaceBytes: i32;
  tokens: i32;
  experts: i32;
  perToken: i32;
  groups: i32;
  keptGroups: i32;
  tokensPerChunk: i32;
  softmax: bool;
  multiplicative: bool;
}

/** Logits of a chunk. */
const CHUNK: i32 = 2048;

/**
 * Numbers (of 32 bits) that a thread needs for `selectExperts`: scores, scores of groups and the groups chosen, rounded
 * up to whole cache lines.
 */
export function selectWorkspace(experts: i32, groups: i32): i32 {
  return (experts + 2 * groups + 15) & ~15;
}

/**
 * The K best experts of each token, best first; of equal ones the smaller index.
 *
 * Shapes: logits [tokens, experts], bias [experts], indices [tokens, perToken]; `workspace` has
 * `selectWorkspace` for each thread.
 */
export function selectExperts(
  logits: usize,
  bias: usize,
  indices: usize,
  workspace: usize,
  tokens: i32,
  experts: i32,
  perToken: i32,
  groups: i32,
  keptGroups: i32,
  softmax: bool,
  multiplicative: bool,
): void {
  const job = changetype<RouterJob>(ARGUMENTS);
  job.logits = logits;
  job.bias = bias;
  job.indices = indices;
  job.workspace = workspace;
  job.workspaceBytes = selectWorkspace(experts, groups) << 2;
  job.tokens = tokens;
  job.experts = experts;
  job.perToken = perToken;
  job.groups = groups;
  job.keptGroups = keptGroups;
  job.softmax = softmax;
  job.multiplicative = multiplicative;
  job.tokensPerChunk = max(1, CHUNK / experts);
  run(selectChunk, (tokens + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

function selectChunk(chunk: i32): void {
  const job = changetype<RouterJob>(ARGUMENTS);
  const experts = job.experts;
  const scores = job.workspace + <usize>threadIndex * <usize>job.workspaceBytes;
  const end = min(job.tokens, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) {
    const logits = job.logits + ((<usize>token * <usize>experts) << 2);
    if (job.softmax) softmaxRow(logits, scores, experts);
    else sigmoidRow(logits, scores, experts);
    applyBias(scores, job.bias, experts, job.multiplicative);
    if (job.groups > 1) limitToGroups(job, scores, scores + ((<usize>experts) << 2));
    else toKeys(scores, experts);
    topK(scores, experts, job.perToken, job.indices + ((<usize>token * <usize>job.perToken) << 2));
  }
}

function applyBias(scores: usize, bias: usize, size: i32, multiplicative: bool): void {
  let i = 0;
  for (; i + 4 <= size; i += 4, scores += 16, bias += 16) {
    const score = v128.load(scores);
    const by = v128.load(bias);
    v128.store(scores, multiplicative ? f32x4.mul(score, by) : f32x4.add(score, by));
  }
  for (; i < size; i++, scores += 4, bias += 4) {
    const score = load<f32>(scores);
    const by = load<f32>(bias);
    store<f32>(scores, multiplicative ? score * by : score + by);
  }
}

/** Turns scores into keys, those of experts outside the best groups into `EXCLUDED_KEY`; `memory` is for the groups. */
function limitToGroups(job: RouterJob, scores: usize, memory: usize): void {
  const groups = job.groups;
  const size = job.experts / groups;
  const chosen = memory + ((<usize>groups) << 2);
  for (let g = 0; g < groups; g++)
    store<f32>(memory + ((<usize>g) << 2), sumOfBestTwo(scores + ((<usize>(g * size)) << 2), size));
  toKeys(memory, groups);
  topK(memory, groups, job.keptGroups, chosen);
  for (let g = 0; g < groups; g++) store<i32>(memory + ((<usize>g) << 2), 0);
  for (let i = 0; i < job.keptGroups; i++)
    store<i32>(memory + ((<usize>load<i32>(chosen + ((<usize>i) << 2))) << 2), 1);
  for (let g = 0; g < groups; g++) {
    const from = scores + ((<usize>(g * size)) << 2);
    if (load<i32>(memory + ((<usize>g) << 2)) != 0) toKeys(from, size);
    else for (let i = 0; i < size; i++) store<i32>(from + ((<usize>i) << 2), EXCLUDED_KEY);
  }
}

function sumOfBestTwo(scores: usize, size: i32): f32 {
  let first: f32 = -Infinity;
  let second: f32 = -Infinity;
  for (let i = 0; i < size; i++, scores += 4) {
    const score = load<f32>(scores);
    if (score > first) {
      second = first;
      first = score;
    } else if (score > second) second = score;
  }
  return first + second;
}

/**
 * How often each expert was chosen; indices out of range count nowhere. Shapes: indices [size], counts [experts]
 * float32.
 */
export function countSelections(indices: usize, counts: usize, size: i32, experts: i32): void {
  memory.fill(counts, 0, (<usize>experts) << 2);
  for (let i: usize = 0; i < (<usize>size) << 2; i += 4) {
    const expert = load<u32>(indices + i);
    if (expert >= <u32>experts) continue;
    const at = counts + ((<usize>expert) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  for (let e: usize = 0; e < (<usize>experts) << 2; e += 4) store<f32>(counts + e, <f32>load<i32>(counts + e));
}
