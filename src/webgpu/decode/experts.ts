// Experts of a few rows: each row reads the weights of its own experts.
// Shape legend: N rows, D hiddenSize, E experts, G groups, K experts of a token, F width of one, S width of the shared
// ones (0: none).

import type { Program } from '../program.ts';
import { sharing, vectorFor } from './lanes.ts';

const lanes = 64;
/** Outputs of a workgroup. */
const outputs = lanes / sharing;

/** Sizes and settings of the experts of a layer. */
export interface ExpertSizes {
  readonly D: number;
  readonly E: number;
  readonly G: number;
  /** Groups that a token may visit. */
  readonly kept: number;
  readonly K: number;
  readonly F: number;
  readonly S: number;
  readonly isSoftmax: boolean;
  readonly isNormalised: boolean;
  readonly isMultiplicative: boolean;
  readonly scaling: number;
  readonly eps: number;
}

/** Numbers of a row of `activated`. */
export const activeWidth = ({ K, F, S }: Pick<ExpertSizes, 'K' | 'F' | 'S'>): number => K * F + S;

const expertOf = ({ K, E }: ExpertSizes, slot: string) => `min(chosen[row * ${2 * K}u + ${slot}], ${E - 1}u)`;

/** Workgroups of a row in `activate`: those of its experts, then those of the shared ones. */
const groupsOfRow = ({ K, F, S }: ExpertSizes) => K * Math.ceil(F / outputs) + Math.ceil(S / outputs);

/** `activated` [N, K*F + S]: SiLU(gate) * up of the chosen experts and of the shared ones, of rows from `first` on. */
export function activate(sizes: ExpertSizes): Program {
  const { D, K, F, S } = sizes;
  const vector = vectorFor(D);
  const length = D / vector.width;
  const across = Math.ceil(F / outputs);
  const sums = (gate: string, up: string) => `for (var k = lane % ${sharing}u; k < ${length}u; k += ${sharing}u) {
      let number = normed[row * ${length}u + k];
      gate += times(number, ${gate});
      up += times(number, ${up});
    }`;
  const shared = `  if (slot >= ${K}u) {
    f = (part - ${K * across}u) * ${outputs}u + lane / ${sharing}u;
    isInside = f < ${S}u;
    to = ${K * F}u + f;
    if (isInside) {
    ${sums(`sharedGate[f * ${length}u + k]`, `sharedUp[f * ${length}u + k]`)}
    }
  }`;
  return {
    name: `Decode activate ${D} ${sizes.E} ${K} ${F} ${S}`,
    tensors: {
      normed: vector.element,
      chosen: 'u32',
      gateUp: vector.element,
      ...(S > 0 ? { sharedGate: vector.element, sharedUp: vector.element } : {}),
      activated: 'f32',
    },
    numbers: { first: 'u32' },
    workgroupSize: lanes,
    declarations: `${vector.times}
var<workgroup> gates: array<f32, ${lanes}>;
var<workgroup> ups: array<f32, ${lanes}>;`,
    code: `  let row = u.first + group / ${groupsOfRow(sizes)}u;
  let part = group % ${groupsOfRow(sizes)}u;
  let slot = part / ${across}u;
  var f = (part % ${across}u) * ${outputs}u + lane / ${sharing}u;
  var isInside = slot < ${K}u && f < ${F}u;
  var to = slot * ${F}u + f;
  var gate = 0.0;
  var up = 0.0;
  if (isInside) {
    let at = (${expertOf(sizes, 'slot')} * ${2 * F}u + f) * ${length}u;
    ${sums('gateUp[at + k]', `gateUp[at + ${F * length}u + k]`)}
  }
${S > 0 ? shared : ''}
  gates[lane] = gate;
  ups[lane] = up;
  workgroupBarrier();
  if (lane % ${sharing}u == 0u && isInside) {
    var a = 0.0;
    var b = 0.0;
    for (var share = lane; share < lane + ${sharing}u; share++) { a += gates[share]; b += ups[share]; }
    activated[row * ${activeWidth(sizes)}u + to] = a / (1.0 + exp(-a)) * b;
  }`,
  };
}

/** x += the outputs of the chosen experts, times their gates, and of the shared ones, of rows from `first` on. */
export function combine(sizes: ExpertSizes): Program {
  const { D, K, F, S } = sizes;
  const vector = vectorFor(F, S);
  const [wide, sharedWide] = [F / vector.width, S / vector.width];
  const from = `row * ${activeWidth(sizes) / vector.width}u`;
  return {
    name: `Decode combine ${D} ${sizes.E} ${K} ${F} ${S}`,
    tensors: {
      activated: vector.element,
      chosen: 'u32',
      down: vector.element,
      ...(S > 0 ? { sharedDown: vector.element } : {}),
      x: 'f32',
    },
    numbers: { first: 'u32' },
    workgroupSize: lanes,
    declarations: `${vector.times}
var<workgroup> shares: array<f32, ${lanes}>;`,
    code: `  let row = u.first + group / ${Math.ceil(D / outputs)}u;
  let d = (group % ${Math.ceil(D / outputs)}u) * ${outputs}u + lane / ${sharing}u;
  var sum = 0.0;
  if (d < ${D}u) {
    for (var slot = 0u; slot < ${K}u; slot++) {
      let at = (${expertOf(sizes, 'slot')} * ${D}u + d) * ${wide}u;
      var own = 0.0;
      for (var f = lane % ${sharing}u; f < ${wide}u; f += ${sharing}u) { own += times(down[at + f], activated[${from} + slot * ${wide}u + f]); }
      sum += own * bitcast<f32>(chosen[row * ${2 * K}u + ${K}u + slot]);
    }
    ${
      S > 0
        ? `for (var f = lane % ${sharing}u; f < ${sharedWide}u; f += ${sharing}u) { sum += times(sharedDown[d * ${sharedWide}u + f], activated[${from} + ${K * wide}u + f]); }`
        : ''
    }
  }
  shares[lane] = sum;
  workgroupBarrier();
  if (lane % ${sharing}u == 0u && d < ${D}u) {
    var total = 0.0;
    for (var share = lane; share < lane + ${sharing}u; share++) { total += shares[share]; }
    x[row * ${D}u + d] += total;
  }`,
  };
}

/** Workgroups for so many rows. */
export const activateGroups = (rows: number, sizes: ExpertSizes): number => rows * groupsOfRow(sizes);
export const combineGroups = (rows: number, { D }: ExpertSizes): number => rows * Math.ceil(D / outputs);
