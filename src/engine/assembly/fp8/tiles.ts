// Tiles of 16 numbers that share a scale: along a row, and turned, down a column. Rows can be kept as their codes, a
// byte a number, and a scale a tile: a quarter of float32 and a little, from which the rounded numbers come back to the
// bit.

import { CODED_TILE, decodeTile, storeCodes } from './codes';
import {
  exponentBits,
  Format,
  largerMagnitude,
  largestLane,
  LEAST_AMAX,
  magnitudeBits,
  round4,
  signBit,
} from './round';
import { scratch, SCRATCH_BYTES } from '../shared/threads';

/** Numbers of a tile. */
export const TILE: i32 = 16;
export const TILE_BYTES: usize = 64;

@inline
export function tilesOf(columns: i32): i32 {
  return (columns + TILE - 1) / TILE;
}

/** Where the codes of a row begin. */
@inline
export function codedRow(coded: usize, row: i32, columns: i32): usize {
  return coded + <usize>row * <usize>tilesOf(columns) * CODED_TILE;
}

/** Where the codes of a tile begin that starts at `column` of a row, a multiple of 16. */
@inline
export function codedTile(row: usize, column: i32): usize {
  return row + <usize>(column / TILE) * CODED_TILE;
}

/** A tile at the end of a row, filled up with zeros: above the panels and edges of products. */
@inline
export function tailTile(): usize {
  return scratch + <usize>SCRATCH_BYTES - 2 * TILE_BYTES;
}

/** Rounds a row into y, which may be x; its codes go to `coded`, unless that is 0. */
export function roundRow(format: Format, x: usize, y: usize, coded: usize, columns: i32): void {
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + TILE_BYTES <= end; at += TILE_BYTES) {
    roundTile(format, x + at, y + at, coded);
    if (coded) coded += CODED_TILE;
  }
  if (at == end) return;
  const tail = tailTile();
  memory.fill(tail, 0, TILE_BYTES);
  memory.copy(tail, x + at, end - at);
  roundTile(format, tail, tail, coded);
  memory.copy(y + at, tail, end - at);
}

@inline
function roundTile(format: Format, x: usize, y: usize, coded: usize): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(format.least);
  const shifter = f32x4.splat(format.shifter);
  const a = v128.load(x);
  const b = v128.load(x, 16);
  const c = v128.load(x, 32);
  const d = v128.load(x, 48);
  const ab = i32x4.max_u(v128.and(a, magnitude), v128.and(b, magnitude));
  const cd = i32x4.max_u(v128.and(c, magnitude), v128.and(d, magnitude));
  const most = largestLane(i32x4.max_u(ab, i32x4.max_u(cd, f32x4.splat(LEAST_AMAX))));
  const scale = f32x4.div(most, f32x4.splat(format.largest));
  const ra = round4(a, scale, least, shifter, exponent, sign);
  const rb = round4(b, scale, least, shifter, exponent, sign);
  const rc = round4(c, scale, least, shifter, exponent, sign);
  const rd = round4(d, scale, least, shifter, exponent, sign);
  v128.store(y, f32x4.mul(ra, scale));
  v128.store(y, f32x4.mul(rb, scale), 16);
  v128.store(y, f32x4.mul(rc, scale), 32);
  v128.store(y, f32x4.mul(rd, scale), 48);
  if (coded) storeCodes(coded, scale, ra, rb, rc, rd);
}

/** The numbers of a row again. */
export function decodeRow(coded: usize, y: usize, columns: i32): void {
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + TILE_BYTES <= end; at += TILE_BYTES, coded += CODED_TILE) decodeTile(coded, y + at);
  if (at == end) return;
  decodeTile(coded, tailTile());
  memory.copy(y + at, tailTile(), end - at);
}

/**
 * Rounds rows in tiles of 16 of them, column by column, each tile from its first row on. The strides are in bytes; y
 * may be x.
 */
export function roundTurned(
  format: Format,
  x: usize,
  strideX: usize,
  y: usize,
  strideY: usize,
  rows: i32,
  columns: i32,
): void {
  for (let top = 0; top < rows; top += TILE) {
    roundTurnedTiles(format, x, strideX, y, strideY, min(TILE, rows - top), columns);
    x += <usize>TILE * strideX;
    y += <usize>TILE * strideY;
  }
}

function roundTurnedTiles(
  format: Format,
  x: usize,
  strideX: usize,
  y: usize,
  strideY: usize,
  rows: i32,
  columns: i32,
): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(format.least);
  const shifter = f32x4.splat(format.shifter);
  const largest = f32x4.splat(format.largest);
  const leastAmax = f32x4.splat(LEAST_AMAX);
  const end = (<usize>columns) << 2;
  const height = <usize>rows * strideX;
  let q: usize = 0;
  for (; q + 32 <= end; q += 32) {
    let m0 = leastAmax;
    let m1 = leastAmax;
    for (let from = x + q, last = from + height; from < last; from += strideX) {
      m0 = largerMagnitude(m0, v128.load(from), magnitude);
      m1 = largerMagnitude(m1, v128.load(from, 16), magnitude);
    }
    const s0 = f32x4.div(m0, largest);
    const s1 = f32x4.div(m1, largest);
    let to = y + q;
    for (let from = x + q, last = from + height; from < last; from += strideX, to += strideY) {
      const r0 = f32x4.mul(round4(v128.load(from), s0, least, shifter, exponent, sign), s0);
      const r1 = f32x4.mul(round4(v128.load(from, 16), s1, least, shifter, exponent, sign), s1);
      v128.store(to, r0);
      v128.store(to, r1, 16);
    }
  }
  for (; q < end; q += 4) {
    let most = leastAmax;
    for (let from = x + q, last = from + height; from < last; from += strideX) {
      most = largerMagnitude(most, v128.load32_splat(from), magnitude);
    }
    const scale = f32x4.div(most, largest);
    let to = y + q;
    for (let from = x + q, last = from + height; from < last; from += strideX, to += strideY) {
      const rounded = round4(v128.load32_splat(from), scale, least, shifter, exponent, sign);
      v128.store_lane<f32>(to, f32x4.mul(rounded, scale), 0);
    }
  }
}
