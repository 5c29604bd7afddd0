// The feed-forward of a decoder: the dense or shared part and the chosen experts side by side, only what was chosen.
//
// Rows are sorted by expert, so an expert's weights are read once for all rows that chose it. What a row gets is summed
// in the order dense part, then experts by index: the same whatever rows come with it.

import { DecodeJob, DecodeLayer, DecodeModel, decodeJob, rowAt } from './model';
import { multiplyFloats, multiplyNarrow, multiplyRows, stepsPerChunk, unpacked } from './product';
import { Format, WIDE, matrixBytes, pairBytes, pairWidth, pairsOf, panelBytes, wideBytes } from './weights';
import { multiplyWide, multiplyWideTwo } from './wide';
import { gateWeights } from '../router/gate-weights';
import { Left, multiplyPanel } from '../gemm/panel';
import { selectExperts } from '../router/router';
import { sigmoid1, sigmoid4 } from '../shared/simd';
import { run, scratch } from '../shared/threads';
import { NR } from '../gemm/tile';

/** Rows whose products are held at a time. */
const ROWS: i32 = 8;
// Scratch of a thread, behind what `panel` uses: products, [ROWS, WIDE].
const PRODUCTS: usize = 32 * 1024;
/** Bytes of a row of them. */
const ROW: usize = WIDE * 4;

/** Chooses experts from the router's logits and gives them gates. Those kernels have jobs of their own, over ours. */
export function chooseExperts(model: DecodeModel, layer: DecodeLayer, count: i32): void {
  selectExperts(
    model.logits,
    layer.bias,
    model.indices,
    model.selectSpace,
    count,
    model.experts,
    model.perToken,
    model.groups,
    model.keptGroups,
    model.softmax != 0,
    model.multiplicative != 0,
  );
  gateWeights(
    model.logits,
    model.indices,
    model.gates,
    model.scores,
    count,
    model.experts,
    model.perToken,
    model.softmax != 0,
    model.normalise != 0,
    model.routedScale,
  );
}

/** Sorts rows by expert, a counting sort; returns how many experts have any, which are then in `busy`. */
export function sortByExpert(model: DecodeModel, count: i32): i32 {
  const experts = model.experts;
  const perToken = model.perToken;
  const offsets = model.offsets;
  memory.fill(offsets, 0, (<usize>(experts + 1)) << 2);
  for (let slot = 0; slot < count * perToken; slot++) {
    const at = offsets + ((<usize>expertOf(model, slot)) << 2);
    store<i32>(at, load<i32>(at, 4) + 1, 4);
  }
  let busy = 0;
  for (let e: i32 = 0; e < experts; e++) {
    const at = offsets + ((<usize>e) << 2);
    if (load<i32>(at, 4) > 0) {
      store<i32>(model.busy + ((<usize>busy) << 2), e);
      busy++;
    }
    store<i32>(at, load<i32>(at) + load<i32>(at, 4), 4);
  }
  for (let slot = 0; slot < count * perToken; slot++) {
    const at = offsets + ((<usize>expertOf(model, slot)) << 2);
    const place = (<usize>load<i32>(at)) << 2;
    store<i32>(at, load<i32>(at) + 1);
    store<i32>(model.tokens + place, slot / perToken);
    store<i32>(model.slots + place, slot);
  }
  // Each offset has moved to that of the next expert.
  memory.copy(offsets + 4, offsets, (<usize>experts) << 2);
  store<i32>(offsets, 0);
  return busy;
}

@inline
function expertOf(model: DecodeModel, slot: i32): i32 {
  return load<i32>(model.indices + ((<usize>slot) << 2));
}

/** x += the feed-forward of `normed`, with `busy` experts chosen. */
export function feedForward(job: DecodeJob, busy: i32): void {
  const model = job.model;
  job.pairsPerChunk = stepsPerChunk(model.format, model.hidden) * (WIDE / (2 * pairWidth(model.format)));
  job.denseChunks = chunksOf(job, job.layer.width);
  job.expertChunks = chunksOf(job, model.expertWidth);
  run(gateUpChunk, job.denseChunks + busy * job.expertChunks);
  run(downChunk, (model.hidden + WIDE - 1) / WIDE);
}

@inline
function chunksOf(job: DecodeJob, width: i32): i32 {
  return (pairsOf(job.model.format, width) + job.pairsPerChunk - 1) / job.pairsPerChunk;
}

/** silu(gate) * up of some channels of the dense part, or, times the gate of the row, of an expert. */
function gateUpChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const layer = job.layer;
  if (chunk < job.denseChunks) {
    gateUp(job, layer.gateUp, layer.width, chunk, 0, job.count, false);
    return;
  }
  const index = (chunk - job.denseChunks) / job.expertChunks;
  const expert = load<i32>(model.busy + ((<usize>index) << 2));
  const format = model.format;
  const bytes = <usize>pairsOf(format, model.expertWidth) * pairBytes(format, model.hidden);
  const matrix = layer.expertGateUp + <usize>expert * bytes;
  const rows = model.offsets + ((<usize>expert) << 2);
  const block = (chunk - job.denseChunks) % job.expertChunks;
  gateUp(job, matrix, model.expertWidth, block, load<i32>(rows), load<i32>(rows, 4), true);
}

/** Block `block` of the channels, for rows `first` to `end - 1`: sorted ones of an expert where `routed`. */
function gateUp(job: DecodeJob, matrix: usize, width: i32, block: i32, first: i32, end: i32, routed: bool): void {
  const model = job.model;
  const format = model.format;
  const half = pairWidth(format);
  const step = pairBytes(format, model.hidden);
  const stride = (<usize>model.hidden) << 2;
  const index = routed ? model.tokens : 0;
  const active = routed ? model.routedActive : model.active;
  const products = scratch + PRODUCTS;
  const last = min(pairsOf(format, width), (block + 1) * job.pairsPerChunk);
  for (let pair = block * job.pairsPerChunk; pair < last; pair++) {
    const panels = matrix + <usize>pair * step;
    const channels = min(half, width - pair * half);
    const floats = format != Format.Float32 && end - first > 2 ? unpacked(format, panels, model.hidden, 0) : 0;
    for (let row = first; row < end; row += ROWS) {
      const until = min(end, row + ROWS);
      if (floats) {
        const c = products - <usize>row * ROW;
        multiplyFloats(model.normed, stride, index, row, until, model.hidden, floats, c, ROW, WIDE, false);
      } else multiplyPair(model.normed, stride, index, row, until, model.hidden, panels, format, products);
      for (let i = row; i < until; i++) {
        const scale: f32 = routed ? gateOf(model, i) : 1;
        const at = products + <usize>(i - row) * ROW;
        swigluRow(at, at + (half << 2), rowAt(active, i, width) + (<usize>(pair * half) << 2), channels, scale);
      }
    }
  }
}

/** Rows `first` to `end - 1` times the panels of a pair; of weights of 16 or 8 bits, one row or two. */
@inline
function multiplyPair(
  a: usize,
  stride: usize,
  index: usize,
  first: i32,
  end: i32,
  inputs: i32,
  panels: usize,
  format: Format,
  products: usize,
): void {
  const step = panelBytes(inputs);
  if ((format != Format.Float32 || 2 * NR == WIDE) && end - first <= 2) {
    const row = a + <usize>(index ? load<i32>(index + ((<usize>first) << 2)) : first) * stride;
    const next = end - 1; // the same row again where there is one
    const other = a + <usize>(index ? load<i32>(index + ((<usize>next) << 2)) : next) * stride;
    const count = end - first;
    if (format != Format.Float32) {
      multiplyNarrow(row, other, inputs, panels, format, 0, products, products + ROW, count, false);
    } else if (count == 1) multiplyWide(row, inputs, panels, step, products, false);
    else multiplyWideTwo(row, other, inputs, panels, step, products, products + ROW, false);
    return;
  }
  const c = products - <usize>first * ROW; // rows of products are counted from the first
  multiplyPanel(Left.Rows, a, stride, index, first, end, 0, inputs, panels, c, ROW, NR, false);
  multiplyPanel(Left.Rows, a, stride, index, first, end, 0, inputs, panels + step, c + (NR << 2), ROW, NR, false);
}

@inline
function gateOf(model: DecodeModel, row: i32): f32 {
  return load<f32>(model.gates + ((<usize>load<i32>(model.slots + ((<usize>row) << 2))) << 2));
}

/** y = silu(gate) * up * scale. */
function swigluRow(gate: usize, up: usize, y: usize, size: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  let i = 0;
  for (; i + 4 <= size; i += 4, gate += 16, up += 16, y += 16) {
    const g = v128.load(gate);
    v128.store(y, f32x4.mul(f32x4.mul(f32x4.mul(g, sigmoid4(g)), v128.load(up)), factor));
  }
  for (; i < size; i++, gate += 4, up += 4, y += 4) {
    const g = load<f32>(gate);
    store<f32>(y, g * sigmoid1(g) * load<f32>(up) * scale);
  }
}

/** Some channels of the output: the dense part for all rows, then each expert for its own. */
function downChunk(chunk: i32): void {
  const job = decodeJob();
  const model = job.model;
  const layer = job.layer;
  const stride = (<usize>model.hidden) << 2;
  const format = model.format;
  const channels = min(WIDE, model.hidden - chunk * WIDE);
  const x = model.x + (<usize>(chunk * WIDE) << 2);
  if (layer.width) {
    const panels = layer.down + <usize>chunk * wideBytes(format, layer.width);
    const strideA = (<usize>layer.width) << 2;
    multiplyRows(model.active, strideA, layer.width, panels, format, 0, x, stride, channels, job.count, true);
  }
  if (layer.router == 0) return;
  const expertBytes = matrixBytes(format, model.expertWidth, model.hidden);
  let panels = layer.expertDown + <usize>chunk * wideBytes(format, model.expertWidth);
  for (let expert = 0; expert < model.experts; expert++, panels += expertBytes) {
    const rows = model.offsets + ((<usize>expert) << 2);
    addExpert(model, panels, load<i32>(rows), load<i32>(rows, 4), x, channels);
  }
}

/** Adds some channels of an expert's output to the rows that chose it. */
function addExpert(model: DecodeModel, panels: usize, first: i32, end: i32, x: usize, channels: i32): void {
  const width = model.expertWidth;
  const stride = (<usize>width) << 2;
  const products = scratch + PRODUCTS;
  for (let row = first; row < end; row += ROWS) {
    const count = min(ROWS, end - row);
    const active = rowAt(model.routedActive, row, width);
    multiplyRows(active, stride, width, panels, model.format, 0, products, ROW, channels, count, false);
    for (let i = 0; i < count; i++) {
      const token = load<i32>(model.tokens + ((<usize>(row + i)) << 2));
      addChannels(products + <usize>i * ROW, rowAt(x, token, model.hidden), channels);
    }
  }
}

@inline
function addChannels(from: usize, to: usize, channels: i32): void {
  let i = 0;
  for (; i + 4 <= channels; i += 4, from += 16, to += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  for (; i < channels; i++, from += 4, to += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
}
