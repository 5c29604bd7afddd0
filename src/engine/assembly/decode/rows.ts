// What a pass does row by row between its products: embedding, norms, and the new entries of the cache.

import { DecodeJob, DecodeLayer, DecodeModel, DecodeRow, decodeJob, rowAt, rowOf } from './model';
import { multiplyRows } from './product';
import { turnHalves, turnNeighbours } from '../rotary';
import { dot } from '../shared/simd';
import { run } from '../shared/threads';

/** Rows of a chunk: a pass of a few tokens is not worth the threads here. */
const ROWS: i32 = 16;

@inline
function runRows(chunk: (chunk: i32) => void, count: i32): void {
  run(chunk, (count + ROWS - 1) / ROWS);
}

/** y = x * weight / root mean square of x; x and y may be the same. */
export function normRow(x: usize, weight: usize, y: usize, width: i32, eps: f32): void {
  const rstd: f32 = <f32>1 / sqrt<f32>(dot(x, x, width) / <f32>width + eps);
  const scale = f32x4.splat(rstd);
  let i = 0;
  for (; i + 4 <= width; i += 4, x += 16, weight += 16, y += 16)
    v128.store(y, f32x4.mul(f32x4.mul(v128.load(x), scale), v128.load(weight)));
  for (; i < width; i++, x += 4, weight += 4, y += 4) store<f32>(y, load<f32>(x) * rstd * load<f32>(weight));
}

/** x = the embeddings of the tokens. */
export function embedRows(job: DecodeJob): void {
  const model = job.model;
  const bytes = (<usize>model.hidden) << 2;
  for (let row = 0; row < job.count; row++)
    memory.copy(rowAt(model.x, row, model.hidden), rowAt(model.embedding, rowOf(job, row).token, model.hidden), bytes);
}

/** joined = the normed embedding of the next token and the normed hidden state of each row, as `project` reads them. */
export function joinRows(job: DecodeJob): void {
  const model = job.model;
  const width = model.hidden;
  const half = (<usize>width) << 2;
  for (let row = 0; row < job.count; row++) {
    const to = rowAt(model.joined, row, 2 * width);
    const info = rowOf(job, row);
    const embedding = rowAt(model.embedding, info.token, width);
    normRow(embedding, model.embeddingNorm, model.embeddingFirst ? to : to + half, width, model.eps);
    normRow(info.hiddenIn, model.hiddenNorm, model.embeddingFirst ? to + half : to, width, model.eps);
  }
}

/** normed = what attention reads. */
export function inputNormRows(job: DecodeJob): void {
  runRows(inputNormChunk, job.count);
}

function inputNormChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const end = min(job.count, (chunk + 1) * ROWS);
  for (let row = chunk * ROWS; row < end; row++) {
    const offset = rowAt(0, row, model.hidden);
    normRow(model.x + offset, job.layer.inputNorm, model.normed + offset, model.hidden, model.eps);
  }
}

/** Norms what was compressed: the queries in place, the latents into the cache, next to the turned shared keys. */
export function cacheRows(job: DecodeJob): void {
  runRows(cacheChunk, job.count);
}

function cacheChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const layer = job.layer;
  const end = min(job.count, (chunk + 1) * ROWS);
  for (let row = chunk * ROWS; row < end; row++) {
    const queries = rowAt(model.compressed, row, compressedWidth(model));
    if (model.query) normRow(queries, layer.queryNorm, queries, model.query, model.latentEps);
    const latent = queries + ((<usize>queryWidth(model)) << 2);
    const info = rowOf(job, row);
    const entry = cacheOf(job, info) + rowAt(0, info.position, model.latent + model.rope);
    normRow(latent, layer.latentNorm, entry, model.latent, model.latentEps);
    const key = (<usize>model.latent) << 2;
    turn(model, info.position, latent + key, entry + key);
  }
}

/**
 * Moves rows to the front whose logits or hidden states are wanted, and forgets the others: behind the last entry of
 * the cache nobody reads them.
 */
export function dropUnread(job: DecodeJob): void {
  const model = job.model;
  const width = compressedWidth(model);
  let kept = 0;
  for (let i = 0; i < job.count; i++) {
    const row = rowOf(job, i);
    if (!row.wantsLogits && !row.hiddenOut) continue;
    if (kept < i) {
      memory.copy(changetype<usize>(rowOf(job, kept)), changetype<usize>(row), offsetof<DecodeRow>());
      memory.copy(rowAt(model.x, kept, model.hidden), rowAt(model.x, i, model.hidden), (<usize>model.hidden) << 2);
      memory.copy(rowAt(model.compressed, kept, width), rowAt(model.compressed, i, width), (<usize>width) << 2);
    }
    kept++;
  }
  job.count = kept;
}

/** Where the latents of a row's sequence begin in this layer. */
@inline
export function cacheOf(job: DecodeJob, row: DecodeRow): usize {
  return row.cache + <usize>job.layerIndex * <usize>row.layerBytes;
}

/** Elements before the latents in a row of `compressed`. */
@inline
export function queryWidth(model: DecodeModel): i32 {
  return model.query ? model.query : model.heads * (model.nope + model.rope);
}

@inline
export function compressedWidth(model: DecodeModel): i32 {
  return queryWidth(model) + model.latent + model.rope;
}

/** Turns R channels by the angle of a position. */
export function turn(model: DecodeModel, position: i32, x: usize, y: usize): void {
  const table = rowAt(0, position, model.rope);
  const cos = model.cos + table;
  const sin = model.sin + table;
  if (model.neighbours) turnNeighbours(x, cos, sin, y, model.rope, 1);
  else turnHalves(x, cos, sin, y, model.rope >> 1, 1);
}

/** normed = what the feed-forward reads, and the router's logits. */
export function routerRows(job: DecodeJob): void {
  runRows(routerChunk, job.count);
}

function routerChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const layer = job.layer;
  const first = chunk * ROWS;
  const end = min(job.count, first + ROWS);
  const width = model.hidden;
  const bytes = (<usize>width) << 2;
  for (let row = first; row < end; row++) {
    const offset = <usize>row * bytes;
    normRow(model.x + offset, layer.postNorm, model.normed + offset, width, model.eps);
  }
  if (layer.router == 0) return;
  const logits = rowAt(model.logits, first, model.experts);
  const stride = (<usize>model.experts) << 2;
  const a = rowAt(model.normed, first, width);
  const experts = model.experts;
  multiplyRows(a, bytes, width, layer.router, model.plainFormat, 0, logits, stride, experts, end - first, false);
}

/**
 * Hidden states of rows that are to be kept, and, one after the other in `normed`, what the head reads of rows whose
 * logits are wanted. Returns how many those are.
 */
export function finishRows(job: DecodeJob, norm: usize): i32 {
  const model = job.model;
  const width = model.hidden;
  const bytes = (<usize>width) << 2;
  let wanted = 0;
  for (let row = 0; row < job.count; row++) {
    const info = rowOf(job, row);
    const x = rowAt(model.x, row, width);
    const y = rowAt(model.normed, wanted, width);
    if (!info.wantsLogits && !info.hiddenOut) continue;
    normRow(x, norm, y, width, model.eps);
    if (info.hiddenOut) memory.copy(info.hiddenOut, model.normedHidden ? y : x, bytes);
    if (info.wantsLogits) wanted++;
  }
  return wanted;
}
