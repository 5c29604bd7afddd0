// Who goes where: SelectExperts, GateWeights and CountSelections.
// Shape legend: N tokens, E experts, K experts per token.

import { registerEngineKernel, sizeOf, withWorkspace } from './register.ts';

/** Registers the kernels of the router. */
export function registerRouter(): void {
  registerEngineKernel('SelectExperts', (backend, { logits, bias }, attrs) => {
    const [N, E] = logits!.shape as [number, number];
    const K = Number(attrs.numExpertsPerTok);
    const groups = Number(attrs.nGroup);
    const indices = backend.output([N, K], 'int32');
    const at = backend.address;
    withWorkspace(backend, [backend.pool.threads * backend.exports.selectWorkspace!(E, groups)], ([workspace]) => {
      backend.exports.selectExperts!(
        ...[at(logits!), at(bias!), at(indices), workspace!, N, E, K, groups, Number(attrs.topkGroup)],
        Number(attrs.scoringFunc === 'softmax'),
        Number(attrs.expertBiasForm === 'multiplicative'),
      );
    });
    return indices;
  });

  const options = (attrs: Readonly<Record<string, unknown>>) => [
    Number(attrs.scoringFunc === 'softmax'),
    Number(attrs.normTopkProb),
    Number(attrs.routedScalingFactor),
  ];
  // What it saves are the scores of the selected experts [N, K].
  registerEngineKernel('GateWeights', (backend, { logits, topkIndices }, attrs) => {
    const [N, E] = logits!.shape as [number, number];
    const [, K] = topkIndices!.shape as [number, number];
    const [gates, scores] = [backend.output([N, K]), backend.output([N, K])];
    const at = backend.address;
    backend.exports.gateWeights!(at(logits!), at(topkIndices!), at(gates), at(scores), N, E, K, ...options(attrs));
    return [gates, scores];
  });
  registerEngineKernel('GateWeightsGrad', (backend, { logits, topkIndices, dy0, saved0: scores }, attrs) => {
    const [N, E] = logits!.shape as [number, number];
    const [, K] = topkIndices!.shape as [number, number];
    const dLogits = backend.output([N, E]);
    const at = backend.address;
    const inputs = [at(logits!), at(topkIndices!), at(scores!), at(dy0!)];
    backend.exports.gateWeightsGrad!(...inputs, at(dLogits), N, E, K, ...options(attrs));
    return dLogits;
  });

  registerEngineKernel('CountSelections', (backend, { topkIndices }, attrs) => {
    const E = Number(attrs.nRoutedExperts);
    const counts = backend.output([E]);
    const at = backend.address;
    backend.exports.countSelections!(at(topkIndices!), at(counts), sizeOf(topkIndices!.shape), E);
    return counts;
  });
}
