// Packs weights into panels of 16 or 8 bits (`weights.ts` says how they lie). Called when a decoder is made.

import { BLOCK, Format, SCALES, WIDE, wideBytes } from './weights';
import { ARGUMENTS, run } from '../shared/threads';

/** Largest number of E4M3, and the smallest normal one. */
const LARGEST: f32 = 448;
const LEAST_NORMAL: f32 = 0.015625;
/** Subnormal numbers are multiples of 1 / STEPS. */
const STEPS: f32 = 512;
/** As in src/precision/quantize.ts: a block of zeros is not divided by zero. */
const LEAST_AMAX: f32 = 1e-30;
/** 2^120, see `weights.ts`. */
const TWO_120: f32 = reinterpret<f32>((120 + 127) << 23);

/**
 * The scale of each block of BLOCK x BLOCK weights: the largest magnitude over 448, as src/precision has it.
 *
 * Shapes: from [rows, columns] -> scales [blocks of rows, blocks of columns].
 */
export function blockScales(from: usize, rows: i32, columns: i32, scales: usize): void {
  for (let top = 0; top < rows; top += BLOCK) {
    for (let left = 0; left < columns; left += BLOCK, scales += 4) {
      let most = LEAST_AMAX;
      for (let i = top; i < min(rows, top + BLOCK); i++) {
        const row = from + (<usize>(i * columns) << 2);
        for (let j = left; j < min(columns, left + BLOCK); j++) most = max(most, abs(load<f32>(row + (<usize>j << 2))));
      }
      store<f32>(scales, most / LARGEST);
    }
  }
}

@unmanaged
class PackJob {
  format: Format;
  from: usize;
  outputs: i32;
  inputs: i32;
  transposed: bool;
  scales: usize;
  firstRow: i32;
  to: usize;
  firstOutput: i32;
  perPanel: i32;
  firstSlot: i32;
}

/** Outputs of a chunk. */
const CHUNK: i32 = 8;

/**
 * Packs a matrix [outputs, inputs] or (`transposed`) [inputs, outputs]: output j becomes number `firstOutput` + j of
 * the panels at `to`, each of which takes `perPanel` outputs, in its slots from `firstSlot` on. Other slots are left
 * alone.
 *
 * For 8 bits, `from` is row `firstRow` of the matrix that `scales` belong to.
 */
export function packNarrow(
  format: i32,
  from: usize,
  outputs: i32,
  inputs: i32,
  transposed: bool,
  scales: usize,
  firstRow: i32,
  to: usize,
  firstOutput: i32,
  perPanel: i32,
  firstSlot: i32,
): void {
  const job = changetype<PackJob>(ARGUMENTS);
  job.format = format;
  job.from = from;
  job.outputs = outputs;
  job.inputs = inputs;
  job.transposed = transposed;
  job.scales = scales;
  job.firstRow = firstRow;
  job.to = to;
  job.firstOutput = firstOutput;
  job.perPanel = perPanel;
  job.firstSlot = firstSlot;
  run(packChunk, (outputs + CHUNK - 1) / CHUNK);
}

function packChunk(chunk: i32): void {
  const job = changetype<PackJob>(ARGUMENTS);
  const end = min(job.outputs, (chunk + 1) * CHUNK);
  for (let j = chunk * CHUNK; j < end; j++) {
    const output = job.firstOutput + j;
    const panel = job.to + <usize>(output / job.perPanel) * wideBytes(job.format, job.inputs);
    const slot = job.firstSlot + (output % job.perPanel);
    if (job.format == Format.Bfloat16) packBfloat16(job, j, panel, slot);
    else packFp8(job, j, panel, slot);
  }
}

@inline
function weightAt(job: PackJob, output: i32, input: i32): f32 {
  const at = job.transposed ? input * job.outputs + output : output * job.inputs + input;
  return load<f32>(job.from + ((<usize>at) << 2));
}

/** Rounded to the nearest, of two to the even one. NaN stays NaN. */
function packBfloat16(job: PackJob, j: i32, panel: usize, slot: i32): void {
  const group = slot >> 4;
  const place = panel + <usize>(group * 32 + (slot & 7) * 4 + ((slot >> 3) & 1) * 2);
  for (let p = 0; p < job.inputs; p++) {
    const weight = weightAt(job, j, p);
    const bits = reinterpret<u32>(weight);
    const rounded = weight != weight ? bits | 0x400000 : bits + 0x7fff + ((bits >> 16) & 1);
    store<u16>(place + <usize>(p * WIDE * 2), <u16>(rounded >> 16));
  }
}

function packFp8(job: PackJob, j: i32, panel: usize, slot: i32): void {
  const place = <usize>((slot & 7) * 4 + (slot >> 3));
  const columns = job.transposed ? job.outputs : job.inputs;
  const blocks = (columns + BLOCK - 1) / BLOCK;
  const offset = job.transposed ? job.firstRow % BLOCK : 0;
  let scale: f32 = 0;
  for (let p = 0; p < job.inputs; p++, panel += WIDE) {
    if (p == 0 || (p + offset) % BLOCK == 0) {
      const row = job.firstRow + (job.transposed ? p : j);
      const column = job.transposed ? j : p;
      scale = load<f32>(job.scales + (<usize>((row / BLOCK) * blocks + column / BLOCK) << 2));
      store<f32>(panel + ((<usize>slot) << 2), scale * TWO_120);
      panel += SCALES;
    }
    store<u8>(panel + place, e4m3(weightAt(job, j, p) / scale));
  }
}

/** The nearest number of E4M3 in bits, of two the even one; numbers that are too large become the largest. */
@inline
function e4m3(x: f32): u8 {
  const magnitude = min(abs(x), LARGEST);
  const sign = <u8>((reinterpret<u32>(x) >> 24) & 0x80);
  if (magnitude < LEAST_NORMAL) return sign | <u8>(<i32>nearest(magnitude * STEPS));
  const bits = reinterpret<u32>(magnitude);
  const rounded = (bits + 0x7ffff + ((bits >> 20) & 1)) >> 20;
  return sign | <u8>(rounded - ((127 - 7) << 3));
}
