// Linear layers and routed experts of 8-bit operands.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size, I and O
// input and output width.

import { fp8ExpertsOp } from '../../ops/fp8-experts.ts';
import { fp8LinearOp } from '../../ops/fp8-linear.ts';
import { formatOf, type Quantizer } from '../../precision/quantize.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** A format as the kernels take it. */
function formatArguments(quantizer: Quantizer) {
  const { mantissaBits, minExponent, max } = formatOf(quantizer);
  return [mantissaBits, minExponent, max] as const;
}

/** Blocks of matrices of `rows` x `columns`, and their format. */
function blockArguments(quantizer: Quantizer, rows: number, columns: number) {
  const tile = [Math.min(quantizer.rows, rows), Math.min(quantizer.columns, columns)] as const;
  return [...tile, ...formatArguments(quantizer)] as const;
}

/** Registers both with their gradients. */
export function registerFp8(): void {
  registerEngineOp(fp8LinearOp, {
    forward: (backend, { x, weight }, { attrs: { weights }, sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      const codedX = backend.output([backend.exports.codedLength(N, I)], 'int32');
      const at = backend.address;
      withWorkspace(backend, [N * I, O * I], (...workspace) => {
        const given = [at(x), at(weight), at(y), at(codedX)] as const;
        backend.exports.fp8Linear(...given, ...workspace, N, I, O, ...blockArguments(weights, O, I));
      });
      return { y, codedX };
    },
    gradient: (backend, { weight }, { attrs: { weights, gradients }, sizes: { N, I, O }, dys, saved: { codedX } }) => {
      const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
      const at = backend.address;
      const lengths = [O * I, N * O, N * O, N * I, backend.exports.packedLength(N, O)] as const;
      withWorkspace(backend, lengths, (...workspace) => {
        const given = [at(codedX), at(weight), at(dys.y), at(dx), at(dWeight)] as const;
        const formats = [...blockArguments(weights, O, I), ...formatArguments(gradients)] as const;
        backend.exports.fp8LinearGrad(...given, ...workspace, N, I, O, ...formats);
      });
      return { x: dx, weight: dWeight };
    },
  });
  registerEngineOp(fp8ExpertsOp, {
    forward: (backend, inputs, { attrs: { weights }, sizes: { N, K, E, D, F } }) => {
      const { x, topkIndices, topkWeights, gateUpProj, downProj } = inputs;
      const { codedLength, planLength } = backend.exports;
      const M = N * K;
      const y = backend.output([N, D]);
      const plan = backend.output([planLength(M, E)], 'int32');
      const gateUp = backend.output([M, 2 * F]);
      const codedX = backend.output([codedLength(N, D)], 'int32');
      const codedActive = backend.output([codedLength(M, F)], 'int32');
      const at = backend.address;
      if (backend.exports.planExperts(at(topkIndices), at(plan), N, K, E) === 0) {
        throw new Error(`fp8Experts: expected indices of ${E} experts, found one out of range`);
      }
      withWorkspace(backend, [2 * E * F * D, E * D * F, N * D, M * F, M * D], (...workspace) => {
        const given = [at(x), at(topkWeights), at(gateUpProj), at(downProj), at(plan)] as const;
        const kept = [at(gateUp), at(codedX), at(codedActive)] as const;
        const blocks = blockArguments(weights, Math.max(2 * F, D), Math.max(D, F));
        backend.exports.fp8Experts(...given, ...kept, ...workspace, at(y), N, K, E, D, F, ...blocks);
      });
      return { y, plan, gateUp, codedX, codedActive };
    },
    gradient: (backend, inputs, { attrs: { weights, gradients }, sizes: { N, K, E, D, F }, dys, saved }) => {
      const { topkWeights, gateUpProj, downProj } = inputs;
      const { plan, gateUp, codedX, codedActive } = saved;
      const M = N * K;
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const at = backend.address;
      const { packedLength } = backend.exports;
      const rows = [M * F, M * F, 2 * M * F, 2 * M * F, M * D, M * D, M] as const;
      const lengths = [2 * E * F * D, E * D * F, N * D, ...rows, packedLength(M, D), packedLength(M, 2 * F)] as const;
      withWorkspace(backend, lengths, (...workspace) => {
        const kept = [at(plan), at(gateUp), at(codedX), at(codedActive)] as const;
        const given = [at(topkWeights), at(gateUpProj), at(downProj), ...kept, at(dys.y)] as const;
        const grads = [at(dx), at(dGates), at(dGateUp), at(dDown)] as const;
        const blocks = blockArguments(weights, Math.max(2 * F, D), Math.max(D, F));
        const formats = [...blocks, ...formatArguments(gradients)] as const;
        backend.exports.fp8ExpertsGrad(...given, ...grads, ...workspace, N, K, E, D, F, ...formats);
      });
      return { x: dx, topkWeights: dGates, gateUpProj: dGateUp, downProj: dDown };
    },
  });
}
