// AdamW for all parameters at once, by a table with one row for each block of a tensor, as in `optimizer`.
//
// Products and sums are rounded one by one, in the order of the ops that `src/ops/adamw-update.ts` states, so parameters
// have the same bits as on the cpu backend.

import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class AdamWBlock {
  elements: i32;
  parameter: usize;
  gradient: usize;
  expAvg: usize;
  expAvgSq: usize;
}

@unmanaged
class AdamWJob {
  table: usize;
  /** Blocks before this one have weight decay. */
  decayedBlocks: i32;
  beta1: f32;
  beta2: f32;
  gain: f32;
  gainSq: f32;
  eps: f32;
  rate: f32;
  decay: f32;
}

/**
 * Moves parameters and moments in place; the numbers are those of `src/ops/adamw-update.ts`, `scale` is one float. Moments
 * are float32 or, in pairs, bfloat16.
 */
export function adamwUpdate(
  table: usize,
  blocks: i32,
  decayedBlocks: i32,
  scale: usize,
  beta1: f32,
  beta2: f32,
  gain: f32,
  gainSq: f32,
  eps: f32,
  rate: f32,
  decay: f32,
  arePairs: bool,
): void {
  const job = changetype<AdamWJob>(ARGUMENTS);
  const factor = load<f32>(scale);
  job.table = table;
  job.decayedBlocks = decayedBlocks;
  job.beta1 = beta1;
  job.beta2 = beta2;
  job.gain = factor * gain;
  job.gainSq = factor * factor * gainSq;
  job.eps = eps;
  job.rate = rate;
  job.decay = decay;
  if (arePairs) run(adamwPairsChunk, blocks);
  else run(adamwChunk, blocks);
}

function adamwChunk(chunk: i32): void {
  const job = changetype<AdamWJob>(ARGUMENTS);
  const block = changetype<AdamWBlock>(job.table + <usize>chunk * offsetof<AdamWBlock>());
  const beta1 = f32x4.splat(job.beta1);
  const beta2 = f32x4.splat(job.beta2);
  const gain = f32x4.splat(job.gain);
  const gainSq = f32x4.splat(job.gainSq);
  const eps = f32x4.splat(job.eps);
  const rate = f32x4.splat(job.rate);
  const factor: f32 = chunk < job.decayedBlocks ? job.decay : 1;
  const decay = f32x4.splat(factor);
  let g = block.gradient;
  let m = block.expAvg;
  let v = block.expAvgSq;
  let p = block.parameter;
  let i = 0;
  for (; i + 8 <= block.elements; i += 8, g += 32, m += 32, v += 32, p += 32) {
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const m0 = f32x4.add(f32x4.mul(v128.load(m), beta1), f32x4.mul(g0, gain));
    const m1 = f32x4.add(f32x4.mul(v128.load(m, 16), beta1), f32x4.mul(g1, gain));
    const v0 = f32x4.add(f32x4.mul(v128.load(v), beta2), f32x4.mul(f32x4.mul(g0, g0), gainSq));
    const v1 = f32x4.add(f32x4.mul(v128.load(v, 16), beta2), f32x4.mul(f32x4.mul(g1, g1), gainSq));
    const p0 = f32x4.sub(
      f32x4.mul(v128.load(p), decay),
      f32x4.mul(f32x4.div(m0, f32x4.add(f32x4.sqrt(v0), eps)), rate),
    );
    const p1 = f32x4.sub(
      f32x4.mul(v128.load(p, 16), decay),
      f32x4.mul(f32x4.div(m1, f32x4.add(f32x4.sqrt(v1), eps)), rate),
    );
    v128.store(m, m0);
    v128.store(m, m1, 16);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(p, p0);
    v128.store(p, p1, 16);
  }
  for (; i < block.elements; i++, g += 4, m += 4, v += 4, p += 4) {
    const slope = load<f32>(g);
    const mean = load<f32>(m) * job.beta1 + slope * job.gain;
    const square = load<f32>(v) * job.beta2 + slope * slope * job.gainSq;
    store<f32>(m, mean);
    store<f32>(v, square);
    store<f32>(p, load<f32>(p) * factor - (mean / (sqrt<f32>(square) + job.eps)) * job.rate);
  }
}

/** The same with moments of two bytes: they are rounded after the parameter has moved by them. */
function adamwPairsChunk(chunk: i32): void {
  const job = changetype<AdamWJob>(ARGUMENTS);
  const block = changetype<AdamWBlock>(job.table + <usize>chunk * offsetof<AdamWBlock>());
  const beta1 = f32x4.splat(job.beta1);
  const beta2 = f32x4.splat(job.beta2);
  const gain = f32x4.splat(job.gain);
  const gainSq = f32x4.splat(job.gainSq);
  const eps = f32x4.splat(job.eps);
  const rate = f32x4.splat(job.rate);
  const factor: f32 = chunk < job.decayedBlocks ? job.decay : 1;
  const decay = f32x4.splat(factor);
  let g = block.gradient;
  let m = block.expAvg;
  let v = block.expAvgSq;
  let p = block.parameter;
  let i = 0;
  for (; i + 8 <= block.elements; i += 8, g += 32, m += 16, v += 16, p += 32) {
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const pairsM = v128.load(m);
    const pairsV = v128.load(v);
    const m0 = f32x4.add(f32x4.mul(i32x4.shl(i32x4.extend_low_i16x8_u(pairsM), 16), beta1), f32x4.mul(g0, gain));
    const m1 = f32x4.add(f32x4.mul(i32x4.shl(i32x4.extend_high_i16x8_u(pairsM), 16), beta1), f32x4.mul(g1, gain));
    const squares0 = f32x4.mul(f32x4.mul(g0, g0), gainSq);
    const squares1 = f32x4.mul(f32x4.mul(g1, g1), gainSq);
    const v0 = f32x4.add(f32x4.mul(i32x4.shl(i32x4.extend_low_i16x8_u(pairsV), 16), beta2), squares0);
    const v1 = f32x4.add(f32x4.mul(i32x4.shl(i32x4.extend_high_i16x8_u(pairsV), 16), beta2), squares1);
    const change0 = f32x4.mul(f32x4.div(m0, f32x4.add(f32x4.sqrt(v0), eps)), rate);
    const change1 = f32x4.mul(f32x4.div(m1, f32x4.add(f32x4.sqrt(v1), eps)), rate);
    const p0 = f32x4.sub(f32x4.mul(v128.load(p), decay), change0);
    const p1 = f32x4.sub(f32x4.mul(v128.load(p, 16), decay), change1);
    v128.store(m, i16x8.narrow_i32x4_u(bfloat16Of(m0), bfloat16Of(m1)));
    v128.store(v, i16x8.narrow_i32x4_u(bfloat16Of(v0), bfloat16Of(v1)));
    v128.store(p, p0);
    v128.store(p, p1, 16);
  }
  for (; i < block.elements; i++, g += 4, m += 2, v += 2, p += 4) {
    const slope = load<f32>(g);
    const mean = reinterpret<f32>(<u32>load<u16>(m) << 16) * job.beta1 + slope * job.gain;
    const square = reinterpret<f32>(<u32>load<u16>(v) << 16) * job.beta2 + slope * slope * job.gainSq;
    store<u16>(m, <u16>i32x4.extract_lane(bfloat16Of(f32x4.splat(mean)), 0));
    store<u16>(v, <u16>i32x4.extract_lane(bfloat16Of(f32x4.splat(square)), 0));
    store<f32>(p, load<f32>(p) * factor - (mean / (sqrt<f32>(square) + job.eps)) * job.rate);
  }
}

/** The nearest bfloat16, ties to even, in the lower half of each lane; NaN stays NaN. */
@inline
function bfloat16Of(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
  return v128.bitselect(rounded, i32x4.splat(0x7fc0), f32x4.eq(x, x));
}
