// BalanceLoss. Shape legend: N tokens in S sequences, E experts, K per token.

import { registerEngineKernel, withWorkspace } from './register.ts';

/** Registers BalanceLoss and its gradient; what it saves is the gradient of a loss of 1 [N, E]. */
export function registerBalanceLoss(): void {
  registerEngineKernel('BalanceLoss', (backend, { logits, topkIndices }, attrs) => {
    const [N, E] = logits!.shape as [number, number];
    const [K, S] = [Number(attrs.numExpertsPerTok), Number(attrs.sequences)];
    const [loss, grad] = [backend.output([]), backend.output([N, E])];
    const at = backend.address;
    withWorkspace(backend, [S * E, N, N * K], ([weights, tokenLosses, selected]) => {
      const byLogits = attrs.selection === 'affinity';
      if (byLogits) backend.exports.selectLogits!(at(logits!), selected!, at(grad), N, E, K);
      const indices = byLogits ? selected! : at(topkIndices!);
      const softmax = Number(attrs.scoringFunc === 'softmax');
      const outputs = [at(grad), at(loss)];
      backend.exports.balanceLoss!(at(logits!), indices, weights!, tokenLosses!, ...outputs, N, E, K, S, softmax);
    });
    return [loss, grad];
  });
  registerEngineKernel('BalanceLossGrad', (backend, { logits, dy0, saved0: grad }) => {
    const [N, E] = logits!.shape as [number, number];
    const dLogits = backend.output([N, E]);
    const at = backend.address;
    backend.exports.balanceLossGrad!(at(grad!), at(dy0!), at(dLogits), N * E);
    return dLogits;
  });
}
