// Products of a few rows with a matrix as it is in the model, [outputs, inputs].
//
// A workgroup makes eight outputs of four rows: a weight that is read serves four rows, and one row takes the same
// program, so that it gets the same bits.

import type { Program } from '../program.ts';
import { sharing, vectorFor } from './lanes.ts';

/** Rows and outputs of a workgroup. */
const tileRows = 4;
const tileOutputs = 8;
const lanes = sharing * tileOutputs;
/** Numbers of a row that a workgroup holds at a time. */
const mostHeld = 512;

/** A product; strings are WGSL. */
export interface RowProduct {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Epsilon of the norm that the rows go through first, whose weights are the tensor `gain`; absent: none. */
  readonly norm?: number;
  /** The row of `x` that belongs to `row`. Default: the same. */
  readonly source?: string;
  /** Matrices by name; rows of the first are followed by those of the second (`stacked`), or both are multiplied. */
  readonly matrices: readonly [string] | readonly [string, string];
  /** How many outputs are those of the first of two matrices; absent: two matrices give two values. */
  readonly stacked?: number;
  /** What else is bound. */
  readonly tensors: Program['tensors'];
  readonly numbers?: Program['numbers'];
  /** Statements that take the `value` of output `o` of `row`, and `second`, that of the second matrix. */
  readonly put: string;
}

/** Rows `u.first` to `u.end - 1`; `x` [rows, inputs] is bound first, then the gain, the matrices and the others. */
export function rowProduct(product: RowProduct): Program {
  const { name, inputs, outputs, norm, source = 'row', matrices, stacked, tensors, numbers = {}, put } = product;
  const vector = vectorFor(inputs);
  const length = inputs / vector.width;
  const held = Math.min(length, mostHeld / vector.width);
  const [first, second] = matrices;
  const isPair = second !== undefined && stacked === undefined;
  const zero = vector.width === 4 ? 'vec4f(0.0)' : '0.0';
  const weightAt =
    stacked === undefined
      ? `return ${first}[o * ${length}u + k];`
      : `if (o < ${stacked}u) { return ${first}[o * ${length}u + k]; }
  return ${second}[(o - ${stacked}u) * ${length}u + k];`;
  const fourOf = (weight: string) =>
    `vec4f(${[0, 1, 2, 3].map((r) => `times(${weight}, held[${r * held}u + k])`).join(', ')})`;
  const gather = (sum: string, from: string) => `var ${sum} = 0.0;
    for (var share = 0u; share < ${sharing}u; share++) { ${sum} += ${from}[(lane / 4u) * ${sharing}u + share][lane % 4u]; }`;
  return {
    name: `Decode ${name} ${inputs} ${outputs} ${norm ?? 'plain'} ${stacked ?? 'alone'}`,
    tensors: {
      x: vector.element,
      ...(norm === undefined ? {} : { gain: vector.element }),
      ...Object.fromEntries(matrices.map((matrix) => [matrix, vector.element])),
      ...tensors,
    },
    numbers: { first: 'u32', end: 'u32', ...numbers },
    workgroupSize: lanes,
    declarations: `${vector.times}
var<workgroup> held: array<${vector.element}, ${tileRows * held}>;
var<workgroup> shares: array<vec4f, ${lanes}>;
${isPair ? `var<workgroup> otherShares: array<vec4f, ${lanes}>;` : ''}
var<workgroup> scales: array<f32, ${tileRows}>;
fn weightAt(o: u32, k: u32) -> ${vector.element} {
  ${weightAt}
}`,
    code: `  let row0 = u.first + (group / ${Math.ceil(outputs / tileOutputs)}u) * ${tileRows}u;
  let out0 = (group % ${Math.ceil(outputs / tileOutputs)}u) * ${tileOutputs}u;
  ${norm === undefined ? '' : scaleRows(source, length, inputs, norm)}
  let o = out0 + lane / ${sharing}u;
  var sum = vec4f(0.0);
  ${isPair ? 'var other = vec4f(0.0);' : ''}
  for (var k0 = 0u; k0 < ${length}u; k0 += ${held}u) {
    workgroupBarrier();
    for (var i = lane; i < ${tileRows * held}u; i += ${lanes}u) {
      let row = row0 + i / ${held}u;
      let k = k0 + i % ${held}u;
      var number = ${zero};
      if (row < u.end && k < ${length}u) {
        number = x[(${source}) * ${length}u + k]${norm === undefined ? '' : ` * scales[i / ${held}u] * gain[k]`};
      }
      held[i] = number;
    }
    workgroupBarrier();
    if (o < ${outputs}u) {
      for (var k = lane % ${sharing}u; k < min(${held}u, ${length}u - k0); k += ${sharing}u) {
        { let weight = weightAt(o, k0 + k); sum += ${fourOf('weight')}; }
        ${isPair ? `{ let weight = ${second}[o * ${length}u + k0 + k]; other += ${fourOf('weight')}; }` : ''}
      }
    }
  }
  shares[lane] = sum;
  ${isPair ? 'otherShares[lane] = other;' : ''}
  workgroupBarrier();
  if (lane < ${tileRows * tileOutputs}u) {
    let row = row0 + lane % ${tileRows}u;
    let o = out0 + lane / ${tileRows}u;
    ${gather('value', 'shares')}
    ${isPair ? gather('second', 'otherShares') : ''}
    if (row < u.end && o < ${outputs}u) { ${put} }
  }`,
  };
}

/** Sixteen lanes for each row. */
const scaleRows = (source: string, length: number, inputs: number, eps: number) => `{
    let row = row0 + lane / 16u;
    var squares = 0.0;
    if (row < u.end) {
      let start = (${source}) * ${length}u;
      for (var k = lane % 16u; k < ${length}u; k += 16u) { squares += times(x[start + k], x[start + k]); }
    }
    shares[lane].x = squares;
  }
  workgroupBarrier();
  if (lane < ${tileRows}u) {
    var squares = 0.0;
    for (var share = 0u; share < 16u; share++) { squares += shares[lane * 16u + share].x; }
    scales[lane] = 1.0 / sqrt(squares / ${inputs}.0 + ${eps});
  }`;

/** Workgroups for so many rows. */
export const rowGroups = (rows: number, outputs: number): number =>
  Math.ceil(rows / tileRows) * Math.ceil(outputs / tileOutputs);
