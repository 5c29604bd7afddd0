// RoutedExperts: dispatch, experts and combine in one op, without a look at the indices from JavaScript.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import type { tf } from '../../tensor/tf.ts';
import { share } from './move-share.ts';
import { registerEngineKernel, withWorkspace } from './register.ts';

/** N, K, E, D, F. */
function sizesOf(topkIndices: tf.TensorInfo, downProj: tf.TensorInfo): [number, number, number, number, number] {
  const [N, K] = topkIndices.shape as [number, number];
  const [E, D, F] = downProj.shape as [number, number, number];
  return [N, K, E, D, F];
}

/** Registers RoutedExperts and its gradient; what it saves are the plan, gate and up products, and activations. */
export function registerRoutedExperts(): void {
  registerEngineKernel('RoutedExperts', (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }) => {
    const [N, K, E, D, F] = sizesOf(topkIndices!, downProj!);
    const M = N * K;
    const out = backend.output([N, D]);
    const plan = backend.output([backend.exports.planLength!(M, E)], 'int32');
    const [h, act] = [backend.output([M, 2 * F]), backend.output([M, F])];
    const at = backend.address;
    if (backend.exports.planExperts!(at(topkIndices!), at(plan), N, K, E) === 0) {
      throw new Error(`routedExperts: expected indices of ${E} experts, found one out of range`);
    }
    const inputs = [at(x!), at(topkWeights!), at(gateUpProj!), at(downProj!)];
    withWorkspace(backend, [M * D], ([rows]) => {
      backend.exports.routedExperts!(...inputs, at(plan), at(h), at(act), rows!, at(out), N, K, E, D, F);
    });
    return [out, plan, h, act];
  });
  registerEngineKernel('RoutedExpertsGrad', (backend, inputs) => {
    const { x, topkIndices, topkWeights, gateUpProj, downProj, dy0, saved0: plan, saved1: h, saved2: act } = inputs;
    const [N, K, E, D, F] = sizesOf(topkIndices!, downProj!);
    const M = N * K;
    const [dx, dGates] = [backend.output(x!.shape), backend.output(topkWeights!.shape)];
    const [dGateUp, dDown] = [backend.output(gateUpProj!.shape), backend.output(downProj!.shape)];
    const at = backend.address;
    const given = [x!, topkWeights!, gateUpProj!, downProj!, plan!, h!, act!, dy0!].map(at);
    const grads = [dx, dGates, dGateUp, dDown].map(at);
    const { gateSumColumns, packedLength } = backend.exports;
    const packed = [packedLength!(M, D), packedLength!(M, 2 * F)];
    withWorkspace(backend, [M * 2 * F, M * gateSumColumns!(F), M * D, ...packed], (workspace) => {
      backend.exports.routedExpertsGrad!(...given, ...grads, ...workspace, N, K, E, D, F);
    });
    return [dx, dGates, dGateUp, dDown];
  });
  registerEngineKernel('RoutedExpertsGradInputs', (backend, inputs) => {
    const { x, topkIndices, topkWeights, gateUpProj, downProj, dy0, saved0: plan, saved1: h, saved2: act } = inputs;
    const [N, K, E, D, F] = sizesOf(topkIndices!, downProj!);
    const [dx, dGates, dh] = [x!, topkWeights!, h!].map(({ shape }) => backend.output(shape));
    const at = backend.address;
    const given = [x!, topkWeights!, gateUpProj!, downProj!, plan!, h!, act!, dy0!].map(at);
    const grads = [at(dx!), at(dGates!), 0, 0, at(dh!)];
    withWorkspace(backend, [N * K * backend.exports.gateSumColumns!(F), N * K * D], (workspace) => {
      backend.exports.routedExpertsGrad!(...given, ...grads, ...workspace, 0, 0, N, K, E, D, F);
    });
    const kept = [x!, topkIndices!, downProj!, plan!, act!, dy0!].map((tensor) => share(backend, tensor, tensor.shape));
    return [dx!, dGates!, ...kept, dh!];
  });
  registerEngineKernel('RoutedExpertsGradWeights', (backend, inputs) => {
    const { kept0: x, kept1: topkIndices, kept2: downProj, kept3: plan, kept4: act, kept5: dy, kept6: dh } = inputs;
    const [N, K, E, D, F] = sizesOf(topkIndices!, downProj!);
    const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
    const at = backend.address;
    const given = [at(x!), 0, 0, 0, at(plan!), 0, at(act!), at(dy!), 0, 0, at(dGateUp), at(dDown), at(dh!), 0, 0];
    const { packedLength } = backend.exports;
    withWorkspace(backend, [packedLength!(N * K, D), packedLength!(N * K, 2 * F)], (packed) => {
      backend.exports.routedExpertsGrad!(...given, ...packed, N, K, E, D, F);
    });
    return [dGateUp, dDown];
  });
}
