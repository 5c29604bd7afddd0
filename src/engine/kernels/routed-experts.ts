// Dispatch, experts and combine in one op, without a look at the indices from JavaScript.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import { routedExpertsOp } from '../../ops/routed-experts.ts';
import type { tf } from '../../tensor/tf.ts';
import { nowhere } from '../address.ts';
import { share } from './move-share.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Registers the experts and their gradient. */
export function registerRoutedExperts(): void {
  registerEngineOp(routedExpertsOp, {
    forward: (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }, { sizes: { N, K, E, D, F } }) => {
      const M = N * K;
      const y = backend.output([N, D]);
      const plan = backend.output([backend.exports.planLength(M, E)], 'int32');
      const [gateUp, active] = [backend.output([M, 2 * F]), backend.output([M, F])];
      const at = backend.address;
      if (backend.exports.planExperts(at(topkIndices), at(plan), N, K, E) === 0) {
        throw new Error(`routedExperts: expected indices of ${E} experts, found one out of range`);
      }
      const inputs = [at(x), at(topkWeights), at(gateUpProj), at(downProj)] as const;
      withWorkspace(backend, [M * D], (rows) => {
        backend.exports.routedExperts(...inputs, at(plan), at(gateUp), at(active), rows, at(y), N, K, E, D, F);
      });
      return { y, plan, gateUp, active };
    },
    gradient: (backend, inputs, { sizes: { N, K, E, D, F }, dys, saved: { plan, gateUp, active } }) => {
      const { x, topkWeights, gateUpProj, downProj } = inputs;
      const M = N * K;
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const at = backend.address;
      const weights = [at(gateUpProj), at(downProj)] as const;
      const saved = [at(plan), at(gateUp), at(active)] as const;
      const grads = [at(dx), at(dGates), at(dGateUp), at(dDown)] as const;
      const { gateSumColumns, packedLength, routedExpertsGrad } = backend.exports;
      const lengths = [M * 2 * F, M * gateSumColumns(F), M * D, packedLength(M, D), packedLength(M, 2 * F)] as const;
      withWorkspace(backend, lengths, (...workspace) => {
        const given = [at(x), at(topkWeights), ...weights, ...saved, at(dys.y)] as const;
        routedExpertsGrad(...given, ...grads, ...workspace, N, K, E, D, F);
      });
      return { x: dx, topkWeights: dGates, gateUpProj: dGateUp, downProj: dDown };
    },
    gradientInputs: (backend, inputs, { sizes: { N, K, E, D, F }, dys, saved: { plan, gateUp, active } }) => {
      const { x, topkIndices, topkWeights, gateUpProj, downProj } = inputs;
      const [dx, dGates, dRows] = [backend.output([N, D]), backend.output([N, K]), backend.output([N * K, 2 * F])];
      const at = backend.address;
      const weights = [at(gateUpProj), at(downProj)] as const;
      const saved = [at(plan), at(gateUp), at(active)] as const;
      const grads = [at(dx), at(dGates), nowhere, nowhere, at(dRows)] as const;
      const { gateSumColumns, routedExpertsGrad } = backend.exports;
      withWorkspace(backend, [N * K * gateSumColumns(F), N * K * D], (gateSums, rows) => {
        const given = [at(x), at(topkWeights), ...weights, ...saved, at(dys.y)] as const;
        routedExpertsGrad(...given, ...grads, gateSums, rows, nowhere, nowhere, N, K, E, D, F);
      });
      const again = (tensor: tf.TensorInfo) => share(backend, tensor, tensor.shape);
      const sized = { topkIndices: again(topkIndices), downProj: again(downProj) };
      const kept = {
        x: again(x),
        ...sized,
        plan: again(plan),
        active: again(active),
        dy: again(dys.y),
        dGateUp: dRows,
      };
      return { gradients: { x: dx, topkWeights: dGates }, kept };
    },
    gradientWeights: (backend, { x, plan, active, dy, dGateUp: dRows }, { sizes: { N, K, E, D, F } }) => {
      const M = N * K;
      const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const at = backend.address;
      const given = [at(x), nowhere, nowhere, nowhere, at(plan), nowhere, at(active), at(dy)] as const;
      const grads = [nowhere, nowhere, at(dGateUp), at(dDown), at(dRows)] as const;
      const { packedLength, routedExpertsGrad } = backend.exports;
      withWorkspace(backend, [packedLength(M, D), packedLength(M, 2 * F)], (packedDy, packedRows) => {
        routedExpertsGrad(...given, ...grads, nowhere, nowhere, packedDy, packedRows, N, K, E, D, F);
      });
      return { gateUpProj: dGateUp, downProj: dDown };
    },
  });
}
