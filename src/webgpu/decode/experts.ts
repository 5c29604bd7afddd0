// Router and experts of a few rows: each row reads the weights of its own experts.
// Shape legend: N rows, D hiddenSize, E experts, G groups, K experts of a token, F width of one, S width of the shared
// ones (0: none).

import { sumOverLanes } from '../kernels/reduce.ts';
import type { Program } from '../program.ts';
import { sharing, sumsMemory, sumsOf, vectorFor } from './lanes.ts';

const routerLanes = 128;
const lanes = 64;
/** Outputs of a workgroup. */
const outputs = lanes / sharing;

/** Least of all scores: that of experts in groups that are out of reach. */
const outOfReach = '-3.0e38';

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

/**
 * A workgroup for each row from `first` on: `normed` [N, D], and `chosen` [N, 2K], experts by falling score and then
 * the bits of their gates.
 *
 * An expert's rank is how many others are better: all ranks are found at once, and equal scores fall to the smaller
 * index, as on the engine.
 */
export function routeRows(sizes: ExpertSizes): Program {
  const { D, E, G, kept, K, isSoftmax, isNormalised, isMultiplicative, scaling, eps } = sizes;
  const inGroup = E / G;
  const softmax = `var largest = logits[0];
  for (var e = 1u; e < ${E}u; e++) { largest = max(largest, logits[e]); }
  var all = 0.0;
  for (var e = 0u; e < ${E}u; e++) { all += exp(logits[e] - largest); }`;
  const rankOf = (scores: string, count: number, i: string) => `var rank = 0u;
    for (var other = 0u; other < ${count}u; other++) {
      if (${scores}[other] > ${scores}[${i}] || (${scores}[other] == ${scores}[${i}] && other < ${i})) { rank++; }
    }`;
  const limit = `for (var g = lane; g < ${G}u; g += ${routerLanes}u) {
    var best = -3.4e38; var next = -3.4e38;
    for (var e = g * ${inGroup}u; e < (g + 1u) * ${inGroup}u; e++) {
      let score = scores[e];
      if (score > best) { next = best; best = score; } else if (score > next) { next = score; }
    }
    groupScores[g] = best + next;
  }
  workgroupBarrier();
  for (var g = lane; g < ${G}u; g += ${routerLanes}u) {
    ${rankOf('groupScores', G, 'g')}
    if (rank >= ${kept}u) {
      for (var e = g * ${inGroup}u; e < (g + 1u) * ${inGroup}u; e++) { scores[e] = ${outOfReach}; }
    }
  }
  workgroupBarrier();`;
  return {
    name: `Decode route ${D} ${E} ${G} ${kept} ${K} ${isSoftmax} ${isNormalised} ${isMultiplicative} ${scaling} ${eps}`,
    tensors: { x: 'f32', gain: 'f32', router: 'f32', bias: 'f32', normed: 'f32', chosen: 'u32' },
    numbers: { first: 'u32' },
    workgroupSize: routerLanes,
    declarations: `${sumOverLanes(routerLanes)}
${sumsMemory(routerLanes)}
var<workgroup> logits: array<f32, ${E}>;
var<workgroup> affinities: array<f32, ${E}>;
var<workgroup> scores: array<f32, ${E}>;
var<workgroup> groupScores: array<f32, ${G}>;
var<workgroup> gates: array<f32, ${K}>;`,
    code: `  let row = u.first + group;
  let start = row * ${D}u;
  var squares = 0.0;
  for (var i = lane; i < ${D}u; i += ${routerLanes}u) { squares += x[start + i] * x[start + i]; }
  let rstd = 1.0 / sqrt(sumOverLanes(squares, lane) / ${D}.0 + ${eps});
  for (var i = lane; i < ${D}u; i += ${routerLanes}u) { normed[start + i] = x[start + i] * rstd * gain[i]; }
  ${sumsOf({
    lanes: routerLanes,
    count: `${E}u`,
    length: `${D}u`,
    term: `x[start + k] * rstd * gain[k] * router[j * ${D}u + k]`,
    take: 'logits[j] = total;',
  })}
  ${isSoftmax ? softmax : ''}
  for (var e = lane; e < ${E}u; e += ${routerLanes}u) {
    let affinity = ${isSoftmax ? 'exp(logits[e] - largest) / all' : '1.0 / (1.0 + exp(-logits[e]))'};
    affinities[e] = affinity;
    scores[e] = affinity ${isMultiplicative ? '*' : '+'} bias[e];
  }
  workgroupBarrier();
  ${G > 1 ? limit : ''}
  for (var e = lane; e < ${E}u; e += ${routerLanes}u) {
    ${rankOf('scores', E, 'e')}
    if (rank < ${K}u) { chosen[row * ${2 * K}u + rank] = e; gates[rank] = affinities[e]; }
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var k = 0u; k < ${K}u; k++) { sum += gates[k]; }
  for (var k = lane; k < ${K}u; k += ${routerLanes}u) {
    chosen[row * ${2 * K}u + ${K}u + k] = bitcast<u32>(gates[k]${isNormalised ? ' / (sum + 1e-20)' : ''} * ${scaling});
  }`,
  };
}

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
