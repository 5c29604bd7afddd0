// What does it cost that a token may visit only M of the nodes? The report gives no ablation (F 2.3).
//
// 64 experts on 8 imagined nodes, 8 active: as in the released model a token that chooses freely reaches between five
// and six nodes. M = 4 is the released proportion; M = 1 takes a whole node and is the extreme.

import type { Arm, Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

const nodes = 8;
const limited = (limit: number): Arm => ({
  name: limit === nodes ? 'all-nodes' : `limit-${limit}`,
  label: limit === nodes ? 'no limit' : `at most ${limit} of ${nodes} nodes`,
  modelChanges: { topkGroup: limit },
});

const staysBelow = (limit: number) =>
  ({
    claim: `With M = ${limit} no token of the held-out text reaches more than ${limit} node${limit === 1 ? '' : 's'}.`,
    metric: 'nodesMost',
    arm: `limit-${limit}`,
    expect: { below: limit + 0.001 },
  }) as const;

export const nodeLimit: Study = {
  name: 'node-limit',
  title: 'Node-limited routing: less traffic, at what loss?',
  question: 'How much traffic between nodes does the limit of M nodes a token save, and does the model pay for it?',
  source: 'arXiv:2412.19437 section 2.1.2',
  equal: 'Equal tokens, parameters and FLOPs in all arms.',
  preset: 'tiny',
  base: {
    modelChanges: { ...smallMoe, nRoutedExperts: 64, numExpertsPerTok: 8, moeIntermediateSize: 16, nGroup: nodes },
    trainChanges: { ...smallMoeTrain, expertBiasUpdateSpeed: 1e-3 },
  },
  quick: smallMoeQuick,
  arms: [nodes, 4, 2, 1].map(limited),
  metrics: [
    { key: 'nodesMean', label: 'nodes reached per token, mean', better: 'lower' },
    { key: 'nodesMost', label: 'nodes reached, most', better: 'lower' },
    { key: 'trafficBytes', label: 'bytes sent per token and layer', unit: 'bytes', better: 'lower' },
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', better: 'lower' },
  ],
  hypotheses: [
    ...[4, 2, 1].map(staysBelow),
    {
      claim: 'Without a limit a token reaches more than 4 nodes.',
      metric: 'nodesMean',
      arm: 'all-nodes',
      expect: { above: 4 },
      paper: '5.3 of 8 nodes for 8 of 256 experts chosen evenly (arithmetic)',
    },
    {
      claim: 'Half the nodes save at least a fifth of the traffic.',
      metric: 'trafficBytes',
      arm: 'limit-4',
      against: 'all-nodes',
      as: 'ratio',
      expect: { below: 0.8 },
    },
    {
      claim: 'Half the nodes, as in the released model, cost no more than 0.02 nats.',
      metric: 'loss',
      arm: 'limit-4',
      against: 'all-nodes',
      expect: { below: 0.02 },
      paper: 'no ablation given',
    },
    {
      claim: 'A single node costs no more than 0.02 nats.',
      metric: 'loss',
      arm: 'limit-1',
      against: 'all-nodes',
      expect: { below: 0.02 },
    },
  ],
  paper: [
    '256 experts on 8 nodes, 8 active, at most 4 nodes a token; no loss with and without the limit is published.',
  ],
  scatters: [
    {
      title: 'Loss against traffic',
      advice: 'Further left sends less; dots at the same height have paid nothing for it.',
      x: 'trafficBytes',
      y: 'loss',
    },
  ],
  evaluate: async (trained) => (await import('../probes/nodes.ts')).probeNodes(trained),
};
