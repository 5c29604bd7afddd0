// Rotary embedding: the last R channels of each head turn by the angle of their position, the others pass. The gradient
// is the turn back.

import { madd } from './shared/simd';
import { ARGUMENTS, run } from './shared/threads';

// Shape legend: B batch, T tokens, H heads, W channels of a head, R rotary channels of it (the last ones).

@unmanaged
class RotaryJob {
  x: usize;
  cos: usize;
  sin: usize;
  y: usize;
  rows: i32;
  positions: i32;
  heads: i32;
  width: i32;
  rotary: i32;
  rowsPerChunk: i32;
  neighbours: bool;
  /** 1, or -1 to turn back. */
  direction: f32;
}

/** Elements a chunk should have at least. */
const CHUNK: i32 = 8192;

/**
 * Shapes: x and y [B, T, H, W], `rows` is B * T; cos and sin [T or more, R], equal for both channels of a pair; partner
 * [R, R]. Pairs are neighbours, or channel i and i + R/2.
 */
export function applyRotary(
  x: usize,
  cos: usize,
  sin: usize,
  y: usize,
  partner: usize,
  rows: i32,
  positions: i32,
  heads: i32,
  width: i32,
  rotary: i32,
  direction: f32,
): void {
  const job = changetype<RotaryJob>(ARGUMENTS);
  job.x = x;
  job.cos = cos;
  job.sin = sin;
  job.y = y;
  job.rows = rows;
  job.positions = positions;
  job.heads = heads;
  job.width = width;
  job.rotary = rotary;
  // Row 1, column 0: whether channel 1 is the partner of channel 0.
  job.neighbours = load<f32>(partner + (<usize>rotary << 2)) != 0;
  job.direction = direction;
  job.rowsPerChunk = max(1, CHUNK / (heads * width));
  run(rotaryChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
}

function rotaryChunk(chunk: i32): void {
  const job = changetype<RotaryJob>(ARGUMENTS);
  const rotary = job.rotary;
  const passing = job.width - rotary;
  const head = (<usize>job.width) << 2;
  const first = chunk * job.rowsPerChunk;
  const end = min(job.rows, first + job.rowsPerChunk);
  let at = <usize>first * <usize>job.heads * head;
  for (let row = first; row < end; row++) {
    const table = (<usize>(row % job.positions) * <usize>rotary) << 2;
    const cos = job.cos + table;
    const sin = job.sin + table;
    for (let h = 0; h < job.heads; h++, at += head) {
      const x = job.x + at;
      const y = job.y + at;
      copy(x, y, passing);
      const rope = (<usize>passing) << 2;
      if (job.neighbours) turnNeighbours(x + rope, cos, sin, y + rope, rotary, job.direction);
      else turnHalves(x + rope, cos, sin, y + rope, rotary >> 1, job.direction);
    }
  }
}

@inline
function copy(x: usize, y: usize, n: i32): void {
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const at = (<usize>i) << 2;
    v128.store(y + at, v128.load(x + at));
    v128.store(y + at, v128.load(x + at, 16), 16);
  }
  for (; i < n; i++) store<f32>(y + ((<usize>i) << 2), load<f32>(x + ((<usize>i) << 2)));
}

/** Channels 2i and 2i + 1 are a pair. */
@inline
export function turnNeighbours(x: usize, cos: usize, sin: usize, y: usize, n: i32, direction: f32): void {
  const signs = f32x4.mul(f32x4(-1, 1, -1, 1), f32x4.splat(direction));
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = (<usize>i) << 2;
    const pairs = v128.load(x + at);
    const partners = v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2);
    const turned = f32x4.mul(partners, f32x4.mul(signs, v128.load(sin + at)));
    v128.store(y + at, madd(pairs, v128.load(cos + at), turned));
  }
  for (; i < n; i += 2) {
    const at = (<usize>i) << 2;
    turnPair(x + at, cos + at, sin + at, y + at, 4, direction);
  }
}

/** Channels i and i + half are a pair. */
@inline
export function turnHalves(x: usize, cos: usize, sin: usize, y: usize, half: i32, direction: f32): void {
  const across = (<usize>half) << 2;
  let i = 0;
  for (; i + 4 <= half; i += 4) {
    const at = (<usize>i) << 2;
    const a = v128.load(x + at);
    const b = v128.load(x + across + at);
    const c = v128.load(cos + at);
    const s = f32x4.mul(f32x4.splat(direction), v128.load(sin + at));
    v128.store(y + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(y + across + at, madd(b, c, f32x4.mul(a, s)));
  }
  for (; i < half; i++) {
    const at = (<usize>i) << 2;
    turnPair(x + at, cos + at, sin + at, y + at, across, direction);
  }
}

/** One pair whose second channel lies `across` bytes behind the first. */
@inline
function turnPair(x: usize, cos: usize, sin: usize, y: usize, across: usize, direction: f32): void {
  const a = load<f32>(x);
  const b = load<f32>(x + across);
  const c = load<f32>(cos);
  const s = load<f32>(sin) * direction;
  store<f32>(y, a * c - b * s);
  store<f32>(y + across, b * c + a * s);
}
