// Who goes where.
// Shape legend: N tokens, E experts, K experts per token.

import type { AttributesOf } from '../../ops/define-op.ts';
import { countSelectionsOp, gateWeightsOp, selectExpertsOp } from '../../ops/router.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

type GateAttributes = AttributesOf<(typeof gateWeightsOp)['spec']>;

const gateOptions = ({ scoringFunc, normTopkProb, routedScalingFactor }: GateAttributes) =>
  [scoringFunc === 'softmax', normTopkProb, routedScalingFactor] as const;

/** Registers the kernels of the router. */
export function registerRouter(): void {
  registerEngineOp(selectExpertsOp, {
    forward: (backend, { logits, bias }, { attrs, sizes: { N, E } }) => {
      const { numExpertsPerTok: K, nGroup, topkGroup, scoringFunc, expertBiasForm } = attrs;
      const topkIndices = backend.output([N, K], 'int32');
      const at = backend.address;
      const [softmax, multiplicative] = [scoringFunc === 'softmax', expertBiasForm === 'multiplicative'];
      withWorkspace(backend, [backend.pool.threads * backend.exports.selectWorkspace(E, nGroup)], (workspace) => {
        const addresses = [at(logits), at(bias), at(topkIndices), workspace] as const;
        backend.exports.selectExperts(...addresses, N, E, K, nGroup, topkGroup, softmax, multiplicative);
      });
      return { topkIndices };
    },
  });
  registerEngineOp(gateWeightsOp, {
    forward: (backend, { logits, topkIndices }, { attrs, sizes: { N, E, K } }) => {
      const [topkWeights, scores] = [backend.output([N, K]), backend.output([N, K])];
      const at = backend.address;
      const outputs = [at(topkWeights), at(scores)] as const;
      backend.exports.gateWeights(at(logits), at(topkIndices), ...outputs, N, E, K, ...gateOptions(attrs));
      return { topkWeights, scores };
    },
    gradient: (backend, { logits, topkIndices }, { attrs, sizes: { N, E, K }, dys, saved: { scores } }) => {
      const dLogits = backend.output([N, E]);
      const at = backend.address;
      const inputs = [at(logits), at(topkIndices), at(scores), at(dys.topkWeights)] as const;
      backend.exports.gateWeightsGrad(...inputs, at(dLogits), N, E, K, ...gateOptions(attrs));
      return { logits: dLogits };
    },
  });
  registerEngineOp(countSelectionsOp, {
    forward: (backend, { topkIndices }, { attrs: { nRoutedExperts: E }, sizes: { N, K } }) => {
      const counts = backend.output([E]);
      backend.exports.countSelections(backend.address(topkIndices), backend.address(counts), N * K, E);
      return { counts };
    },
  });
}
