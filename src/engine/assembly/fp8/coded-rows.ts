// Whole matrices as codes of E4M3 or, where they are wide, of E5M6, whose scales are powers of two: what the forward pass
// keeps for the backward pass. Rows are cut into tiles of sixteen numbers with a scale each.

import { CODED_TILE, storeCodes } from './codes';
import { decodeWideTile, storeWideCodes, WIDE_TILE } from './e5m6';
import {
  exponentBits,
  Format,
  largestLane,
  LEAST_AMAX,
  magnitudeBits,
  round4,
  scaleOf,
  setFormat,
  setPowerOfTwoScales,
  signBit,
} from './round';
import { codedRow, decodeRow, tailTile, TILE_BYTES, tilesOf } from './tiles';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class CodingJob extends Format {
  x: usize;
  coded: usize;
  rows: i32;
  columns: i32;
  rowsPerChunk: i32;
  isWide: bool;
}

/** Elements of a chunk of rows. */
const CHUNK: i32 = 4096;

/** Numbers (of 32 bits) that the codes and scales of rows take. */
export function codedLength(rows: i32, columns: i32, isWide: bool): i32 {
  return rows * tilesOf(columns) * <i32>((isWide ? WIDE_TILE : CODED_TILE) >> 2);
}

/** Shapes: x [rows, columns], coded [codedLength]. */
export function encodeRows(x: usize, coded: usize, rows: i32, columns: i32, isWide: bool): void {
  run(encodeChunk, describe(x, coded, rows, columns, isWide));
}

/** The numbers that the codes stand for; shapes as in `encodeRows`. */
export function decodeRows(coded: usize, x: usize, rows: i32, columns: i32, isWide: bool): void {
  run(decodeChunk, describe(x, coded, rows, columns, isWide));
}

function describe(x: usize, coded: usize, rows: i32, columns: i32, isWide: bool): i32 {
  const job = changetype<CodingJob>(ARGUMENTS);
  if (isWide) {
    setFormat(job, 6, -14, 65024);
    setPowerOfTwoScales(job);
  } else setFormat(job, 3, -6, 448);
  job.x = x;
  job.coded = coded;
  job.rows = rows;
  job.columns = columns;
  job.isWide = isWide;
  job.rowsPerChunk = max(1, CHUNK / max(1, columns));
  return (rows + job.rowsPerChunk - 1) / job.rowsPerChunk;
}

/** Where the codes of a row begin. */
@inline
function rowOf(job: CodingJob, row: i32): usize {
  if (job.isWide) return wideRow(job.coded, row, job.columns);
  return codedRow(job.coded, row, job.columns);
}

@inline
function wideRow(coded: usize, row: i32, columns: i32): usize {
  return coded + <usize>row * <usize>tilesOf(columns) * WIDE_TILE;
}

function encodeChunk(chunk: i32): void {
  const job = changetype<CodingJob>(ARGUMENTS);
  const width = (<usize>job.columns) << 2;
  const step = job.isWide ? WIDE_TILE : CODED_TILE;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const x = job.x + <usize>row * width;
    let coded = rowOf(job, row);
    let at: usize = 0;
    for (; at + TILE_BYTES <= width; at += TILE_BYTES, coded += step) encodeTile(job, x + at, coded);
    if (at == width) continue;
    memory.fill(tailTile(), 0, TILE_BYTES);
    memory.copy(tailTile(), x + at, width - at);
    encodeTile(job, tailTile(), coded);
  }
}

function encodeTile(job: CodingJob, x: usize, coded: usize): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(job.least);
  const shifter = f32x4.splat(job.shifter);
  const a = v128.load(x);
  const b = v128.load(x, 16);
  const c = v128.load(x, 32);
  const d = v128.load(x, 48);
  const ab = i32x4.max_u(v128.and(a, magnitude), v128.and(b, magnitude));
  const cd = i32x4.max_u(v128.and(c, magnitude), v128.and(d, magnitude));
  const most = largestLane(i32x4.max_u(ab, i32x4.max_u(cd, f32x4.splat(LEAST_AMAX))));
  const scale = scaleOf(job, most);
  const ra = round4(a, scale, least, shifter, exponent, sign);
  const rb = round4(b, scale, least, shifter, exponent, sign);
  const rc = round4(c, scale, least, shifter, exponent, sign);
  const rd = round4(d, scale, least, shifter, exponent, sign);
  if (job.isWide) storeWideCodes(coded, scale, ra, rb, rc, rd);
  else storeCodes(coded, scale, ra, rb, rc, rd);
}

function decodeChunk(chunk: i32): void {
  const job = changetype<CodingJob>(ARGUMENTS);
  const width = (<usize>job.columns) << 2;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const x = job.x + <usize>row * width;
    if (job.isWide) decodeWideRow(rowOf(job, row), x, job.columns);
    else decodeRow(rowOf(job, row), x, job.columns);
  }
}

function decodeWideRow(coded: usize, y: usize, columns: i32): void {
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + TILE_BYTES <= end; at += TILE_BYTES, coded += WIDE_TILE) decodeWideTile(coded, y + at);
  if (at == end) return;
  decodeWideTile(coded, tailTile());
  memory.copy(y + at, tailTile(), end - at);
}

/** How the rows of an operand are given: as codes of E4M3, as numbers, or as codes of E5M6. */
export const CODES: i32 = 0;
export const NUMBERS: i32 = 1;
export const WIDE_CODES: i32 = 2;

/** The numbers of a row of an operand that is given in one of these ways. */
@inline
export function readRow(x: usize, given: i32, row: i32, columns: i32, y: usize): void {
  if (given == CODES) decodeRow(codedRow(x, row, columns), y, columns);
  else if (given == WIDE_CODES) decodeWideRow(wideRow(x, row, columns), y, columns);
  else memory.copy(y, x + (<usize>row * <usize>columns << 2), (<usize>columns) << 2);
}
