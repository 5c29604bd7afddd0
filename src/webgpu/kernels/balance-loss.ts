// Shape legend: N tokens in S sequences (or 1 for the whole batch), E experts, K per token.

import { balanceLossOp } from '../../ops/balance-loss.ts';
import type { Program } from '../program.ts';
import { sumOverLanes } from './reduce.ts';
import { groupsOf, registerGpuOp } from './register.ts';

const lanes = 128;

/**
 * A workgroup takes a sequence: it counts what is selected, and then makes its share of the loss, and the slope.
 *
 * Counts are whole numbers, so it does not matter in which order lanes add to them.
 */
function program(scoring: 'sigmoid' | 'softmax', selection: 'affinity' | 'dispatch', E: number): Program {
  const logAffinity =
    scoring === 'sigmoid'
      ? (x: string) => `-(max(-(${x}), 0.0) + log(1.0 + exp(-abs(${x}))))`
      : (x: string) => `(${x})`;
  const countOwn =
    selection === 'dispatch'
      ? `for (var j = token * u.K; j < (token + 1u) * u.K; j++) { atomicAdd(&counts[u32(chosen[j])], 1u); }`
      : `var isTaken: array<bool, ${E}>;
    for (var pick = 0u; pick < u.K; pick++) {
      var best = -1; var bestLogit = 0.0;
      for (var e = 0; e < ${E}; e++) {
        let x = logits[row + u32(e)];
        if (!isTaken[e] && (best < 0 || x > bestLogit)) { best = e; bestLogit = x; }
      }
      isTaken[best] = true;
      atomicAdd(&counts[best], 1u);
    }`;
  return {
    name: `BalanceLoss ${scoring} ${selection} ${E}`,
    tensors: {
      logits: 'f32',
      ...(selection === 'dispatch' ? { chosen: 'i32' as const } : {}),
      parts: 'f32',
      slope: 'f32',
    },
    numbers: { L: 'u32', E: 'u32', K: 'u32', scale: 'f32', share: 'f32' },
    workgroupSize: lanes,
    declarations: `var<workgroup> counts: array<atomic<u32>, ${E}>;\n${sumOverLanes(lanes)}
fn logAffinity(x: f32) -> f32 { return ${logAffinity('x')}; }`,
    code: `  for (var e = lane; e < u.E; e += ${lanes}u) { atomicStore(&counts[e], 0u); }
  workgroupBarrier();
  for (var i = lane; i < u.L; i += ${lanes}u) {
    let token = group * u.L + i;
    let row = token * u.E;
    ${countOwn}
  }
  workgroupBarrier();
  var part = 0.0;
  for (var i = lane; i < u.L; i += ${lanes}u) {
    let row = (group * u.L + i) * u.E;
    var largest = logAffinity(logits[row]);
    for (var e = 1u; e < u.E; e++) { largest = max(largest, logAffinity(logits[row + e])); }
    var total = 0.0; var weighted = 0.0;
    for (var e = 0u; e < u.E; e++) {
      let a = exp(logAffinity(logits[row + e]) - largest);
      total += a;
      weighted += a * f32(atomicLoad(&counts[e])) * u.scale;
    }
    let own = weighted / total;
    part += own;
    for (var e = 0u; e < u.E; e++) {
      let x = logits[row + e];
      let a = exp(logAffinity(x) - largest) / total;
      let through = ${scoring === 'sigmoid' ? '1.0 / (1.0 + exp(x))' : '1.0'};
      slope[row + e] = u.share * a * (f32(atomicLoad(&counts[e])) * u.scale - own) * through;
    }
  }
  let sum = sumOverLanes(part, lane);
  if (lane == 0u) { parts[group] = sum * u.share; }`,
  };
}

const addParts: Program = {
  name: 'BalanceLossSum',
  tensors: { parts: 'f32', loss: 'f32' },
  numbers: { S: 'u32' },
  workgroupSize: 1,
  code: `  var sum = 0.0;
  for (var s = 0u; s < u.S; s++) { sum += parts[s]; }
  loss[0] = sum;`,
};

const scaleSlope: Program = {
  name: 'BalanceLossGrad',
  tensors: { slope: 'f32', dLoss: 'f32', dLogits: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { dLogits[i] = slope[i] * dLoss[0]; }`,
};

/** Registers the loss and its gradient. */
export function registerBalanceLoss(): void {
  registerGpuOp(balanceLossOp, {
    forward: (backend, { logits, topkIndices }, { attrs, sizes: { N, E } }) => {
      const { sequences: S, scoringFunc, numExpertsPerTok: K, selection } = attrs;
      const [parts, slope, loss] = [backend.output([S]), backend.output([N, E]), backend.output([])];
      const L = N / S;
      const chosen = selection === 'dispatch' ? { chosen: topkIndices } : {};
      const numbers = { L, E, K, scale: E / K / L, share: 1 / N };
      backend.run(program(scoringFunc, selection, E), { logits, ...chosen, parts, slope }, numbers, S);
      backend.run(addParts, { parts, loss }, { S }, 1);
      backend.disposeData(parts.dataId);
      return { loss, slope };
    },
    gradient: (backend, _, { sizes: { N, E }, dys, saved: { slope } }) => {
      const dLogits = backend.output([N, E]);
      backend.run(scaleSlope, { slope, dLoss: dys.loss, dLogits }, { size: N * E }, groupsOf(N * E, 256));
      return { logits: dLogits };
    },
  });
}
