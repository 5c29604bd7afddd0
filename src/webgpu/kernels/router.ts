// Who goes where. An invocation takes a token.
// Shape legend: N tokens, E routed experts, G groups, M groups a token may visit, K experts per token.

import { countSelectionsOp, gateWeightsOp, selectExpertsOp } from '../../ops/router.ts';
import type { Program } from '../program.ts';
import { sumOverLanes } from './reduce.ts';
import { groupsOf, registerGpuOp } from './register.ts';

const lanes = 64;
type Scoring = 'sigmoid' | 'softmax';

/** Least of all scores, and more than what stands for an expert that is out of reach. */
const outOfReach = '-3.0e38';
const taken = '-3.4e38';

/** `scoreOf(x)` from what `scoreSetup` finds in the logits of `row`. */
const scoreSetup = (scoring: Scoring) =>
  scoring === 'sigmoid'
    ? ''
    : `  var largest = logits[row];
  for (var e = 1u; e < u.E; e++) { largest = max(largest, logits[row + e]); }
  var total = 0.0;
  for (var e = 0u; e < u.E; e++) { total += exp(logits[row + e] - largest); }`;
const scoreOf = (scoring: Scoring, x: string) =>
  scoring === 'sigmoid' ? `1.0 / (1.0 + exp(-${x}))` : `exp(${x} - largest) / total`;

/** The sizes are constants, since the arrays of an invocation have them. */
function selectProgram(scoring: Scoring, isAdditive: boolean, E: number, groups: number, kept: number): Program {
  const inGroup = E / groups;
  const limit = `  var isKept: array<bool, ${groups}>;
  for (var pick = 0u; pick < ${kept}u; pick++) {
    var best = -1; var bestScore = ${taken};
    for (var g = 0; g < ${groups}; g++) {
      if (isKept[g]) { continue; }
      var first = ${taken}; var second = ${taken};
      for (var j = 0; j < ${inGroup}; j++) {
        let score = scores[g * ${inGroup} + j];
        if (score > first) { second = first; first = score; } else if (score > second) { second = score; }
      }
      if (best < 0 || first + second > bestScore) { best = g; bestScore = first + second; }
    }
    isKept[best] = true;
  }
  for (var e = 0; e < ${E}; e++) { if (!isKept[e / ${inGroup}]) { scores[e] = ${outOfReach}; } }`;
  return {
    name: `SelectExperts ${scoring} ${isAdditive} ${E} ${groups} ${kept}`,
    tensors: { logits: 'f32', bias: 'f32', chosen: 'i32' },
    numbers: { N: 'u32', E: 'u32', K: 'u32' },
    workgroupSize: lanes,
    code: `  let token = group * ${lanes}u + lane;
  if (token >= u.N) { return; }
  let row = token * u.E;
${scoreSetup(scoring)}
  var scores: array<f32, ${E}>;
  for (var e = 0u; e < u.E; e++) {
    let score = ${scoreOf(scoring, 'logits[row + e]')};
    scores[e] = score ${isAdditive ? '+' : '*'} bias[e];
  }
${groups > 1 ? limit : ''}
  for (var pick = 0u; pick < u.K; pick++) {
    var best = 0; var bestScore = ${taken};
    for (var e = 0; e < ${E}; e++) { if (scores[e] > bestScore) { best = e; bestScore = scores[e]; } }
    scores[best] = ${taken};
    chosen[token * u.K + pick] = best;
  }`,
  };
}

const gateProgram = (scoring: Scoring, isNormalised: boolean): Program => ({
  name: `GateWeights ${scoring} ${isNormalised}`,
  tensors: { logits: 'f32', chosen: 'i32', gates: 'f32', scores: 'f32' },
  numbers: { N: 'u32', E: 'u32', K: 'u32', scaling: 'f32' },
  workgroupSize: lanes,
  code: `  let token = group * ${lanes}u + lane;
  if (token >= u.N) { return; }
  let row = token * u.E;
${scoreSetup(scoring)}
  var sum = 0.0;
  for (var j = token * u.K; j < (token + 1u) * u.K; j++) {
    let x = logits[row + u32(chosen[j])];
    let score = ${scoreOf(scoring, 'x')};
    scores[j] = score;
    sum += score;
  }
  for (var j = token * u.K; j < (token + 1u) * u.K; j++) {
    gates[j] = scores[j]${isNormalised ? ' / (sum + 1e-20)' : ''} * u.scaling;
  }`,
});

/**
 * With s the scores of the selected experts, S their sum and c the scaling: gates g = c s / S, or c s. The gradient of
 * s is c (dg - sum(dg s) / S) / S, or c dg; then that of the logits through the sigmoid or the softmax.
 */
const gateGradient = (scoring: Scoring, isNormalised: boolean): Program => ({
  name: `GateWeightsGrad ${scoring} ${isNormalised}`,
  tensors: { logits: 'f32', chosen: 'i32', scores: 'f32', dGates: 'f32', dLogits: 'f32' },
  numbers: { N: 'u32', E: 'u32', K: 'u32', scaling: 'f32' },
  workgroupSize: lanes,
  code: `  let token = group * ${lanes}u + lane;
  if (token >= u.N) { return; }
  let row = token * u.E;
${scoreSetup(scoring)}
  let end = (token + 1u) * u.K;
  var sum = 1e-20; var weighted = 0.0;
  for (var j = token * u.K; j < end; j++) { sum += scores[j]; weighted += dGates[j] * scores[j]; }
  for (var e = 0u; e < u.E; e++) { dLogits[row + e] = 0.0; }
  var through = 0.0;
  for (var j = token * u.K; j < end; j++) {
    let score = scores[j];
    let dScore = u.scaling * ${isNormalised ? '(dGates[j] - weighted / sum) / sum' : 'dGates[j]'};
    ${
      scoring === 'sigmoid'
        ? 'dLogits[row + u32(chosen[j])] = dScore * score * (1.0 - score);'
        : 'dLogits[row + u32(chosen[j])] = dScore; through += dScore * score;'
    }
  }
  ${
    scoring === 'sigmoid'
      ? ''
      : `for (var e = 0u; e < u.E; e++) {
    let score = ${scoreOf(scoring, 'logits[row + e]')};
    dLogits[row + e] = score * (dLogits[row + e] - through);
  }`
  }`,
});

/** A workgroup for each expert. */
const count: Program = {
  name: 'CountSelections',
  tensors: { chosen: 'i32', counts: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: lanes,
  declarations: sumOverLanes(lanes),
  code: `  var own = 0.0;
  for (var i = lane; i < u.size; i += ${lanes}u) { if (u32(chosen[i]) == group) { own += 1.0; } }
  let total = sumOverLanes(own, lane);
  if (lane == 0u) { counts[group] = total; }`,
};

/** Registers selection, gates and counts. */
export function registerRouter(): void {
  registerGpuOp(selectExpertsOp, {
    forward: (backend, { logits, bias }, { attrs, sizes: { N, E } }) => {
      const { numExpertsPerTok: K, nGroup, topkGroup, scoringFunc, expertBiasForm } = attrs;
      const topkIndices = backend.output([N, K], 'int32');
      const program = selectProgram(scoringFunc, expertBiasForm === 'additive', E, nGroup, topkGroup);
      backend.run(program, { logits, bias, chosen: topkIndices }, { N, E, K }, groupsOf(N, lanes));
      return { topkIndices };
    },
  });
  registerGpuOp(gateWeightsOp, {
    forward: (backend, { logits, topkIndices }, { attrs, sizes: { N, E, K } }) => {
      const [topkWeights, scores] = [backend.output([N, K]), backend.output([N, K])];
      const tensors = { logits, chosen: topkIndices, gates: topkWeights, scores };
      const numbers = { N, E, K, scaling: attrs.routedScalingFactor };
      backend.run(gateProgram(attrs.scoringFunc, attrs.normTopkProb), tensors, numbers, groupsOf(N, lanes));
      return { topkWeights, scores };
    },
    gradient: (backend, { logits, topkIndices }, { attrs, sizes: { N, E, K }, dys, saved: { scores } }) => {
      const dLogits = backend.output([N, E]);
      const tensors = { logits, chosen: topkIndices, scores, dGates: dys.topkWeights, dLogits };
      const numbers = { N, E, K, scaling: attrs.routedScalingFactor };
      backend.run(gateGradient(attrs.scoringFunc, attrs.normTopkProb), tensors, numbers, groupsOf(N, lanes));
      return { logits: dLogits };
    },
  });
  registerGpuOp(countSelectionsOp, {
    forward: (backend, { topkIndices }, { attrs: { nRoutedExperts: E }, sizes: { N, K } }) => {
      const counts = backend.output([E]);
      backend.run(count, { chosen: topkIndices, counts }, { size: N * K }, E);
      return { counts };
    },
  });
}
