// Dispatch, experts and combine in one op, without a look at the indices from JavaScript.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import type { Operand, SizesOf } from '../../ops/define-op.ts';
import { routedExpertsOp } from '../../ops/routed-experts.ts';
import type { tf } from '../../tensor/tf.ts';
import { nowhere } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { share } from './move-share.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** What the forward pass did not keep: the activations times the router's gates. */
function activateAgain(
  backend: EngineBackend,
  { N, K, E, D, F }: SizesOf<(typeof routedExpertsOp)['spec']>,
  plan: Operand,
  gateUp: Operand,
  topkWeights: Operand,
): tf.TensorInfo {
  const active = backend.output([N * K, F]);
  const at = backend.address;
  backend.exports.activateExperts(at(topkWeights), at(plan), at(gateUp), at(active), N, K, E, D, F);
  return active;
}

/** Registers the experts and their gradient. */
export function registerRoutedExperts(): void {
  registerEngineOp(routedExpertsOp, {
    forward: (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }, { attrs, sizes: { N, K, E, D, F } }) => {
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
      if (!attrs.recomputes) return { y, plan, gateUp, active };
      backend.disposeData(active.dataId);
      return { y, plan, gateUp };
    },
    gradient: (backend, inputs, { sizes, dys, saved }) => {
      const { x, topkWeights, gateUpProj, downProj } = inputs;
      const { N, K, E, D, F } = sizes;
      const { plan, gateUp } = saved;
      const active = saved.active ?? activateAgain(backend, sizes, plan, gateUp, topkWeights);
      const M = N * K;
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const at = backend.address;
      const weights = [at(gateUpProj), at(downProj)] as const;
      const made = [at(plan), at(gateUp), at(active)] as const;
      const grads = [at(dx), at(dGates), at(dGateUp), at(dDown)] as const;
      const { gateSumColumns, packedLength, routedExpertsGrad } = backend.exports;
      const lengths = [M * 2 * F, M * gateSumColumns(F), M * D, packedLength(M, D), packedLength(M, 2 * F)] as const;
      withWorkspace(backend, lengths, (...workspace) => {
        const given = [at(x), at(topkWeights), ...weights, ...made, at(dys.y)] as const;
        routedExpertsGrad(...given, ...grads, ...workspace, N, K, E, D, F);
      });
      if (saved.active === undefined) backend.disposeData(active.dataId);
      return { x: dx, topkWeights: dGates, gateUpProj: dGateUp, downProj: dDown };
    },
    gradientInputs: (backend, inputs, { sizes, dys, saved }) => {
      const { x, topkIndices, topkWeights, gateUpProj, downProj } = inputs;
      const { N, K, E, D, F } = sizes;
      const { plan, gateUp } = saved;
      const [dx, dGates, dRows] = [backend.output([N, D]), backend.output([N, K]), backend.output([N * K, 2 * F])];
      const at = backend.address;
      const weights = [at(gateUpProj), at(downProj)] as const;
      const made = [at(plan), at(gateUp), nowhere] as const;
      const grads = [at(dx), at(dGates), nowhere, nowhere, at(dRows)] as const;
      const { gateSumColumns, routedExpertsGrad } = backend.exports;
      withWorkspace(backend, [N * K * gateSumColumns(F), N * K * D], (gateSums, rows) => {
        const given = [at(x), at(topkWeights), ...weights, ...made, at(dys.y)] as const;
        routedExpertsGrad(...given, ...grads, gateSums, rows, nowhere, nowhere, N, K, E, D, F);
      });
      const again = (tensor: tf.TensorInfo) => share(backend, tensor, tensor.shape);
      const sized = { topkIndices: again(topkIndices), downProj: again(downProj) };
      const kept = {
        x: again(x),
        ...sized,
        plan: again(plan),
        active:
          saved.active === undefined ? activateAgain(backend, sizes, plan, gateUp, topkWeights) : again(saved.active),
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
