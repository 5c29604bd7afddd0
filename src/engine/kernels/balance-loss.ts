// Shape legend: N tokens in S sequences, E experts, K per token.

import { balanceLossOp } from '../../ops/balance-loss.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Registers the balance loss and its gradient. */
export function registerBalanceLoss(): void {
  registerEngineOp(balanceLossOp, {
    forward: (backend, { logits, topkIndices }, { attrs, sizes: { N, E } }) => {
      const { numExpertsPerTok: K, sequences: S, scoringFunc, selection } = attrs;
      const [loss, slope] = [backend.output([]), backend.output([N, E])];
      const at = backend.address;
      withWorkspace(backend, [S * E, N, N * K], (weights, tokenLosses, selected) => {
        const byLogits = selection === 'affinity';
        if (byLogits) backend.exports.selectLogits(at(logits), selected, at(slope), N, E, K);
        const indices = byLogits ? selected : at(topkIndices);
        const softmax = scoringFunc === 'softmax';
        const outputs = [at(slope), at(loss)] as const;
        backend.exports.balanceLoss(at(logits), indices, weights, tokenLosses, ...outputs, N, E, K, S, softmax);
      });
      return { loss, slope };
    },
    gradient: (backend, _, { sizes: { N, E }, dys, saved: { slope } }) => {
      const logits = backend.output([N, E]);
      const at = backend.address;
      backend.exports.balanceLossGrad(at(slope), at(dys.loss), at(logits), N * E);
      return { logits };
    },
  });
}
