// What ranks send for their experts, against what the choices of the routers say.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { type ExpertMessages, expertMessages } from '../../../src/cluster/experts/planned-messages.ts';
import type { MessageFormat } from '../../../src/cluster/ranks/bytes.ts';
import { placeOf, replicaOf, replicasOf } from '../../../src/cluster/ranks/places.ts';
import { countTraffic } from '../../../src/cluster/simulator/traffic.ts';
import type { ModelConfig } from '../../../src/config/model-config.ts';
import { createDataset } from '../../../src/data/dataset.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { forwardPass } from '../../../src/train/loss.ts';
import { lossInput, splitBatch } from '../../../src/train/micro-batch.ts';
import { documents, model, overRanks, settings } from './runs.ts';

beforeAll(() => activateBackend('engine', { threads: 1 }));

describe('expertMessages', () => {
  const config = { nRoutedExperts: 4, nGroup: 2, hiddenSize: 100, numExpertsPerTok: 2 };
  // Four ranks with an expert each, two nodes. The token of rank 0 goes to experts 2 and 3, on the other node.
  const layout = { pp: 1, ep: 4, dp: 1 };
  const [out, back] = [8 + 400 + 8 + 400, 400 + 400 + 8];
  const counts = 4 * (2 - 1) + 4 * (2 - 1); // one number to the other node, one to the other rank of the own node

  it('sends a token to a node once, to the same seat, and on from there (by hand)', () => {
    expect(expertMessages([[[2, 3]], [], [], []], layout, config, 'float32')).toEqual([
      { experts: counts + out, betweenNodes: out },
      { experts: counts, betweenNodes: 0 },
      { experts: counts + back + out, betweenNodes: back }, // back to rank 0, and on to rank 3
      { experts: counts + back, betweenNodes: 0 },
    ]);
  });

  it('counts FP8 with a scale for each 128 numbers, and BF16 on the way back', () => {
    const [first] = expertMessages([[[2, 3]], [], [], []], layout, config, 'fp8');
    expect(first).toEqual({ experts: counts + 8 + 101 + 8 + 101, betweenNodes: 8 + 101 + 8 + 101 });
  });

  it('counts as many copies between nodes as the simulator of traffic', () => {
    let state = 7;
    const next = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state;
    };
    const large = { ...config, nRoutedExperts: 16, nGroup: 4 };
    const tokens = Array.from({ length: 64 }, () => [next() % 16, 0].map((e, i) => (i === 0 ? e : next() % 16)));
    const choices = Array.from({ length: 8 }, (_, rank) => tokens.slice(8 * rank, 8 * rank + 8));
    const sent = expertMessages(choices, { pp: 1, ep: 8, dp: 1 }, large, 'float32');
    const { infinibandCopies } = countTraffic(tokens, { experts: 16, ranks: 8, gpusPerNode: 2 });
    const between = sent.reduce((sum, { betweenNodes }) => sum + betweenNodes, 0);
    expect(between).toBe(Math.round(infinibandCopies * 64) * (out + back));
  });
});

/** The choices of a step from the first weights: [replica][micro-batch][layer with experts][N][K]. */
async function choicesOf(config: ModelConfig, batchSize: number, replicas: number, microBatches: number) {
  const dataset = await createDataset({ ...settings, documents });
  const net = new DeepseekV3ForCausalLM(config, settings.seed);
  const parts = splitBatch(dataset.trainBatch(0, batchSize), replicas * microBatches);
  const all = parts.map((part) =>
    tf.tidy(() =>
      forwardPass(net, lossInput(part, settings.documentMask)).routing.map(
        ({ topkIndices }) => topkIndices.arraySync() as number[][],
      ),
    ),
  );
  net.dispose();
  return Array.from({ length: replicas }, (_, i) => all.slice(i * microBatches, (i + 1) * microBatches));
}

const nodes = { ...model, nGroup: 2, topkGroup: 2 };
/** One layer with experts: what it chooses does not depend on how messages are rounded. */
const oneLayer = { ...model, numHiddenLayers: 2, numNextnPredictLayers: 0 };

describe('a step over ranks', () => {
  it.each([
    ['ep=2', '1f1b', 'float32', model],
    ['ep=4', '1f1b', 'float32', nodes],
    ['ep=2,dp=2', '1f1b', 'float32', model],
    ['pp=2,ep=2', 'zb1p', 'float32', model],
    ['ep=2', '1f1b', 'fp8', oneLayer],
  ] as const)(
    'sends the bytes for experts that its choices say, byte by byte: %s, %s, %s',
    async (layout, schedule, messages: MessageFormat, config) => {
      const batchSize = 16;
      const options = { layout, schedule, microBatches: 2, messages };
      const { result } = await overRanks(batchSize / 2, options, { steps: 1 }, config);
      const { layout: parsed, ranks, microBatches } = result;
      const replicas = replicasOf(parsed);
      const chosen = await choicesOf(config, batchSize, replicas, microBatches);
      const planned = Array.from({ length: replicas }, (): ExpertMessages[] => []);
      for (let dp = 0; dp < parsed.dp; dp++) {
        const group = Array.from({ length: parsed.ep }, (_, ep) => dp * parsed.ep + ep);
        for (let microBatch = 0; microBatch < microBatches; microBatch++) {
          for (const layer of chosen[0]![0]!.keys()) {
            const choices = group.map((replica) => chosen[replica]![microBatch]![layer]!);
            const sent = expertMessages(choices, parsed, config, messages);
            for (const [ep, one] of sent.entries()) planned[group[ep]!]!.push(one);
          }
        }
      }
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      for (const [replica, list] of planned.entries()) {
        const own = ranks.filter(({ rank }) => replicaOf(placeOf(rank, parsed), parsed) === replica);
        expect({
          experts: sum(own.map(({ sent }) => sent.experts)),
          betweenNodes: sum(own.map(({ sentBetweenNodes }) => sentBetweenNodes)),
        }).toEqual({
          experts: sum(list.map(({ experts }) => experts)),
          betweenNodes: sum(list.map(({ betweenNodes }) => betweenNodes)),
        });
      }
    },
  );
});
