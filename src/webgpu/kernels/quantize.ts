// Rounding to 8 bits and back, tile by tile. Shape legend: M rows of all matrices together, C columns.
//
// A GPU may divide with an error of 2.5 units in the last place, which would now and then round to another number. So
// quotients are divided as whole numbers here, bit by bit what the reference has.

import { fakeQuantizeOp } from '../../ops/fake-quantize.ts';
import { formatOf, leastAmax, type Quantizer } from '../../precision/quantize.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { groupsOf, registerGpuOp } from './register.ts';

type Tensor = Pick<tf.TensorInfo, 'dataId'>;

/** `quotient(x, scale)`, rounded to the nearest float32, of a normal positive scale; `roundTo(x)`, in the format. */
const arithmetic = (format: Quantizer['format']) => {
  const { mantissaBits, minExponent, max } = formatOf({ format });
  return `fn quotient(x: f32, scale: f32) -> f32 {
  let bits = bitcast<u32>(x); let scaleBits = bitcast<u32>(scale);
  let sign = bits & 0x80000000u;
  let exponent = (bits >> 23u) & 255u;
  if (exponent == 0u) { return bitcast<f32>(sign); }
  if (exponent == 255u) { return x / scale; }
  let divisor = (scaleBits & 0x7fffffu) | 0x800000u;
  var rest = (bits & 0x7fffffu) | 0x800000u;
  var power = i32(exponent) - i32((scaleBits >> 23u) & 255u);
  if (rest < divisor) { rest = rest << 1u; power -= 1; }
  var digits = rest / divisor; rest = rest % divisor;
  for (var i = 0u; i < 3u; i++) {
    rest = rest << 8u;
    digits = (digits << 8u) | (rest / divisor);
    rest = rest % divisor;
  }
  var mantissa = digits >> 1u;
  if ((digits & 1u) == 1u && (rest != 0u || (mantissa & 1u) == 1u)) { mantissa += 1u; }
  if (mantissa == 0x1000000u) { mantissa = 0x800000u; power += 1; }
  if (power < -126) { return bitcast<f32>(sign); }
  return bitcast<f32>(sign | (u32(power + 127) << 23u) | (mantissa & 0x7fffffu));
}
fn roundTo(x: f32) -> f32 {
  let field = (bitcast<u32>(x) >> 23u) & 255u;
  if (field == 255u) { return x; }
  let exponent = max(i32(field) - 127, ${minExponent}) - ${mantissaBits};
  let step = bitcast<f32>(u32(exponent + 127) << 23u);
  let steps = bitcast<f32>(u32(127 - exponent) << 23u);
  return clamp(round(x * steps) * step, -${max}.0, ${max}.0);
}`;
};

/** An invocation for each tile. `bands`: a table says where they are; otherwise matrices all have `rows` rows. */
const programOf = (format: Quantizer['format'], hasBands: boolean): Program => ({
  name: `FakeQuantize ${format}${hasBands ? ' in bands' : ''}`,
  tensors: { x: 'f32', y: 'f32', ...(hasBands ? { bands: 'i32' as const } : {}) },
  numbers: { tiles: 'u32', C: 'u32', rows: 'u32', tileRows: 'u32', tileColumns: 'u32', hasPowers: 'u32' },
  workgroupSize: 64,
  declarations: arithmetic(format),
  code: `  let tile = group * 64u + lane;
  if (tile >= u.tiles) { return; }
  let across = (u.C + u.tileColumns - 1u) / u.tileColumns;
  let band = tile / across;
  let left = (tile % across) * u.tileColumns;
  let right = min(left + u.tileColumns, u.C);
  ${
    hasBands
      ? 'let top = u32(bands[2u * band]); let bottom = u32(bands[2u * band + 1u]);'
      : `let bandsOfMatrix = (u.rows + u.tileRows - 1u) / u.tileRows;
  let first = (band / bandsOfMatrix) * u.rows;
  let top = first + (band % bandsOfMatrix) * u.tileRows;
  let bottom = min(top + u.tileRows, first + u.rows);`
  }
  var amax = ${leastAmax};
  for (var i = top; i < bottom; i++) {
    for (var j = left; j < right; j++) { amax = max(amax, abs(x[i * u.C + j])); }
  }
  var scale = quotient(amax, ${formatOf({ format }).max}.0);
  let bits = bitcast<u32>(scale);
  if (u.hasPowers == 1u && (bits & 0x7fffffu) != 0u && (bits >> 23u) < 255u) {
    scale = bitcast<f32>(((bits >> 23u) + 1u) << 23u);
  }
  for (var i = top; i < bottom; i++) {
    for (var j = left; j < right; j++) { y[i * u.C + j] = roundTo(quotient(x[i * u.C + j], scale)) * scale; }
  }`,
});

const programs = {
  e4m3: [programOf('e4m3', false), programOf('e4m3', true)],
  e5m2: [programOf('e5m2', false), programOf('e5m2', true)],
  e5m6: [programOf('e5m6', false), programOf('e5m6', true)],
} as const;

const powersOf = ({ powerOfTwoScales }: Quantizer) => (powerOfTwoScales === true ? 1 : 0);

/** What is rounded, and where it goes. */
interface Rounded {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Rounds matrices of `rows` rows each, M in all. */
export function quantize(
  backend: WebGpuBackend,
  quantizer: Quantizer,
  { x, y }: Rounded,
  { M, C, rows }: { readonly M: number; readonly C: number; readonly rows: number },
): void {
  const { format } = quantizer;
  const [tileRows, tileColumns] = [Math.min(quantizer.rows, rows), Math.min(quantizer.columns, C)];
  const tiles = (M / rows) * Math.ceil(rows / tileRows) * Math.ceil(C / tileColumns);
  const numbers = { tiles, C, rows, tileRows, tileColumns, hasPowers: powersOf(quantizer) };
  backend.run(programs[format][0], { x, y }, numbers, groupsOf(tiles, 64));
}

/** Rounds rows in bands: `table` [2 B] has the first row of each and the one after its last; some may be empty. */
export function quantizeBands(
  backend: WebGpuBackend,
  quantizer: Quantizer,
  { x, y }: Rounded,
  { table, bands, C }: { readonly table: Tensor; readonly bands: number; readonly C: number },
): void {
  const tileColumns = Math.min(quantizer.columns, C);
  const tiles = bands * Math.ceil(C / tileColumns);
  const numbers = { tiles, C, rows: 0, tileRows: 0, tileColumns, hasPowers: powersOf(quantizer) };
  backend.run(programs[quantizer.format][1], { x, y, bands: table }, numbers, groupsOf(tiles, 64));
}

/** Rounds matrices with these rows, of which the host knows the number. */
export function quantizeMatrices(
  backend: WebGpuBackend,
  quantizer: Quantizer,
  rounded: Rounded,
  { counts, C }: { readonly counts: readonly number[]; readonly C: number },
): void {
  const M = counts.reduce((a, b) => a + b, 0);
  if (quantizer.rows === 1 || counts.length === 1) {
    quantize(backend, quantizer, rounded, { M, C, rows: M });
    return;
  }
  const pairs: number[] = [];
  let first = 0;
  for (const rows of counts) {
    const size = Math.min(quantizer.rows, Math.max(1, rows));
    for (let row = 0; row < rows; row += size) pairs.push(first + row, first + Math.min(row + size, rows));
    first += rows;
  }
  const table = backend.upload(Int32Array.from(pairs));
  quantizeBands(backend, quantizer, rounded, { table, bands: pairs.length / 2, C });
  backend.disposeData(table.dataId);
}

/** Registers rounding by itself. */
export function registerQuantize(): void {
  registerGpuOp(fakeQuantizeOp, {
    forward: (backend, { x }, { attrs, sizes: { M, C } }) => {
      const y = backend.output([M, C]);
      quantizeMatrices(backend, attrs, { x, y }, { counts: attrs.counts, C });
      return { y };
    },
  });
}
