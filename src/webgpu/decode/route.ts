// Who goes where, for a few rows at a time.
// Shape legend: N rows, D hiddenSize, E experts, G groups, K experts of a token.

import { sumOverLanes } from '../kernels/reduce.ts';
import type { Program } from '../program.ts';
import type { ExpertSizes } from './experts.ts';
import { sumsMemory, sumsOf } from './lanes.ts';

const lanes = 128;

/** Least of all scores: that of experts in groups that are out of reach. */
const outOfReach = '-3.0e38';

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
  const limit = `for (var g = lane; g < ${G}u; g += ${lanes}u) {
    var best = -3.4e38; var next = -3.4e38;
    for (var e = g * ${inGroup}u; e < (g + 1u) * ${inGroup}u; e++) {
      let score = scores[e];
      if (score > best) { next = best; best = score; } else if (score > next) { next = score; }
    }
    groupScores[g] = best + next;
  }
  workgroupBarrier();
  for (var g = lane; g < ${G}u; g += ${lanes}u) {
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
    workgroupSize: lanes,
    declarations: `${sumOverLanes(lanes)}
${sumsMemory(lanes)}
var<workgroup> logits: array<f32, ${E}>;
var<workgroup> affinities: array<f32, ${E}>;
var<workgroup> scores: array<f32, ${E}>;
var<workgroup> groupScores: array<f32, ${G}>;
var<workgroup> gates: array<f32, ${K}>;`,
    code: `  let row = u.first + group;
  let start = row * ${D}u;
  var squares = 0.0;
  for (var i = lane; i < ${D}u; i += ${lanes}u) { squares += x[start + i] * x[start + i]; }
  let rstd = 1.0 / sqrt(sumOverLanes(squares, lane) / ${D}.0 + ${eps});
  for (var i = lane; i < ${D}u; i += ${lanes}u) { normed[start + i] = x[start + i] * rstd * gain[i]; }
  ${sumsOf({
    lanes,
    count: `${E}u`,
    length: `${D}u`,
    term: `x[start + k] * rstd * gain[k] * router[j * ${D}u + k]`,
    take: 'logits[j] = total;',
  })}
  ${isSoftmax ? softmax : ''}
  for (var e = lane; e < ${E}u; e += ${lanes}u) {
    let affinity = ${isSoftmax ? 'exp(logits[e] - largest) / all' : '1.0 / (1.0 + exp(-logits[e]))'};
    affinities[e] = affinity;
    scores[e] = affinity ${isMultiplicative ? '*' : '+'} bias[e];
  }
  workgroupBarrier();
  ${G > 1 ? limit : ''}
  for (var e = lane; e < ${E}u; e += ${lanes}u) {
    ${rankOf('scores', E, 'e')}
    if (rank < ${K}u) { chosen[row * ${2 * K}u + rank] = e; gates[rank] = affinities[e]; }
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var k = 0u; k < ${K}u; k++) { sum += gates[k]; }
  for (var k = lane; k < ${K}u; k += ${lanes}u) {
    chosen[row * ${2 * K}u + ${K}u + k] = bitcast<u32>(gates[k]${isNormalised ? ' / (sum + 1e-20)' : ''} * ${scaling});
  }`,
  };
}
