// Which rows go to which expert, and back; and what lies between the products of an expert.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.
//
// The plan, which the forward pass makes and saves: [E + 1] where the rows of each expert begin, and where the last
// ends; [M] for each row the index `token * K + slot` that it comes from; [M] for each such index its row.

import type { Program } from '../program.ts';
import { sumOverLanes } from './reduce.ts';

/** Sizes that all programs of the experts are told. */
export const numbers = { N: 'u32', K: 'u32', M: 'u32', E: 'u32', D: 'u32', F: 'u32' } as const;

const planLanes = 256;

/**
 * A workgroup for each expert: a lane looks at a run of the selections, counts those of this expert and of the ones
 * before it, and then writes its own in order. So rows keep the order of the tokens, whatever the workgroups do.
 */
export const planProgram: Program = {
  name: 'RoutedExpertsPlan',
  tensors: { chosen: 'i32', plan: 'i32' },
  numbers: { M: 'u32', E: 'u32' },
  workgroupSize: planLanes,
  declarations: `var<workgroup> own: array<u32, ${planLanes}>;\nvar<workgroup> before: array<u32, ${planLanes}>;`,
  code: `  let run = (u.M + ${planLanes - 1}u) / ${planLanes}u;
  let begin = min(u.M, lane * run);
  let end = min(u.M, begin + run);
  var mine = 0u; var less = 0u;
  for (var i = begin; i < end; i++) {
    let e = u32(chosen[i]);
    if (e == group) { mine++; } else if (e < group) { less++; }
  }
  own[lane] = mine;
  before[lane] = less;
  workgroupBarrier();
  for (var distance = 1u; distance < ${planLanes}u; distance = distance * 2u) {
    var a = 0u; var b = 0u;
    if (lane >= distance) { a = own[lane - distance]; b = before[lane - distance]; }
    workgroupBarrier();
    own[lane] += a;
    before[lane] += b;
    workgroupBarrier();
  }
  let start = before[${planLanes - 1}u];
  if (lane == 0u) {
    plan[group] = i32(start);
    if (group == u.E - 1u) { plan[u.E] = i32(start + own[${planLanes - 1}u]); }
  }
  var row = start + own[lane] - mine;
  for (var i = begin; i < end; i++) {
    if (u32(chosen[i]) == group) {
      plan[u.E + 1u + row] = i32(i);
      plan[u.E + 1u + u.M + i] = i32(row);
      row++;
    }
  }`,
};

/** Adds the rows of each token, in the order of its slots. */
export const combine: Program = {
  name: 'RoutedExpertsCombine',
  tensors: { rowsOut: 'f32', plan: 'i32', y: 'f32' },
  numbers,
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.N * u.D) { return; }
  let token = i / u.D; let column = i % u.D;
  var sum = 0.0;
  for (var slot = 0u; slot < u.K; slot++) {
    sum += rowsOut[u32(plan[u.E + 1u + u.M + token * u.K + slot]) * u.D + column];
  }
  y[i] = sum;`,
};

/** A workgroup for each row: the gradient of its gate, and of its gate and up products. */
const activationLanes = 64;
export const activationGradient: Program = {
  name: 'RoutedExpertsGrad activation',
  tensors: { gateUp: 'f32', gates: 'f32', plan: 'i32', dActivated: 'f32', dGateUp: 'f32', dGates: 'f32' },
  numbers,
  workgroupSize: activationLanes,
  declarations: sumOverLanes(activationLanes),
  code: `  let index = u32(plan[u.E + 1u + group]);
  let weight = gates[index];
  var part = 0.0;
  for (var f = lane; f < u.F; f += ${activationLanes}u) {
    let gate = gateUp[group * 2u * u.F + f]; let up = gateUp[group * 2u * u.F + u.F + f];
    let sigmoid = 1.0 / (1.0 + exp(-gate));
    let d = dActivated[group * u.F + f];
    part += d * gate * sigmoid * up;
    dGateUp[group * 2u * u.F + f] = d * weight * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
    dGateUp[group * 2u * u.F + u.F + f] = d * weight * gate * sigmoid;
  }
  let sum = sumOverLanes(part, lane);
  if (lane == 0u) { dGates[index] = sum; }`,
};
