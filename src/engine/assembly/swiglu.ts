// SwiGLU: y = silu(gate) * up, element by element.

import { siluSlope1, siluSlope4 } from './shared/silu';
import { sigmoid1, sigmoid4 } from './shared/simd';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class SwiGluJob {
  gate: usize;
  up: usize;
  y: usize;
  dy: usize;
  dGate: usize;
  dUp: usize;
  size: i32;
}

/** Elements of a chunk. */
const CHUNK: i32 = 4096;

/** Shapes: all [size]. */
export function swiglu(gate: usize, up: usize, y: usize, size: i32): void {
  const job = changetype<SwiGluJob>(ARGUMENTS);
  job.gate = gate;
  job.up = up;
  job.y = y;
  job.size = size;
  run(swigluChunk, (size + CHUNK - 1) / CHUNK);
}

function swigluChunk(chunk: i32): void {
  const job = changetype<SwiGluJob>(ARGUMENTS);
  const start = (<usize>chunk * <usize>CHUNK) << 2;
  const size = min(CHUNK, job.size - chunk * CHUNK);
  const gate = job.gate + start;
  const up = job.up + start;
  const y = job.y + start;
  let i = 0;
  for (; i + 8 <= size; i += 8) {
    const at = (<usize>i) << 2;
    const g0 = v128.load(gate + at);
    const g1 = v128.load(gate + at, 16);
    const u0 = v128.load(up + at);
    const u1 = v128.load(up + at, 16);
    // Both before either is stored: V8 does not join two stores that have a load between them.
    const y0 = f32x4.mul(f32x4.mul(g0, sigmoid4(g0)), u0);
    const y1 = f32x4.mul(f32x4.mul(g1, sigmoid4(g1)), u1);
    v128.store(y + at, y0);
    v128.store(y + at, y1, 16);
  }
  for (; i < size; i++) {
    const at = (<usize>i) << 2;
    const g = load<f32>(gate + at);
    store<f32>(y + at, g * sigmoid1(g) * load<f32>(up + at));
  }
}

/** Shapes: all [size]. */
export function swigluGrad(gate: usize, up: usize, dy: usize, dGate: usize, dUp: usize, size: i32): void {
  const job = changetype<SwiGluJob>(ARGUMENTS);
  job.gate = gate;
  job.up = up;
  job.dy = dy;
  job.dGate = dGate;
  job.dUp = dUp;
  job.size = size;
  run(swigluGradChunk, (size + CHUNK - 1) / CHUNK);
}

function swigluGradChunk(chunk: i32): void {
  const job = changetype<SwiGluJob>(ARGUMENTS);
  const start = (<usize>chunk * <usize>CHUNK) << 2;
  const size = min(CHUNK, job.size - chunk * CHUNK);
  const gate = job.gate + start;
  const up = job.up + start;
  const dy = job.dy + start;
  const dGate = job.dGate + start;
  const dUp = job.dUp + start;
  let i = 0;
  for (; i + 8 <= size; i += 8) {
    const at = (<usize>i) << 2;
    const g0 = v128.load(gate + at);
    const g1 = v128.load(gate + at, 16);
    const d0 = v128.load(dy + at);
    const d1 = v128.load(dy + at, 16);
    const s0 = sigmoid4(g0);
    const s1 = sigmoid4(g1);
    const u0 = f32x4.mul(d0, v128.load(up + at));
    const u1 = f32x4.mul(d1, v128.load(up + at, 16));
    v128.store(dUp + at, f32x4.mul(d0, f32x4.mul(g0, s0)));
    v128.store(dUp + at, f32x4.mul(d1, f32x4.mul(g1, s1)), 16);
    v128.store(dGate + at, f32x4.mul(u0, siluSlope4(g0, s0)));
    v128.store(dGate + at, f32x4.mul(u1, siluSlope4(g1, s1)), 16);
  }
  for (; i < size; i++) {
    const at = (<usize>i) << 2;
    const g = load<f32>(gate + at);
    const d = load<f32>(dy + at);
    const s = sigmoid1(g);
    store<f32>(dUp + at, d * (g * s));
    store<f32>(dGate + at, d * load<f32>(up + at) * siluSlope1(g, s));
  }
}
