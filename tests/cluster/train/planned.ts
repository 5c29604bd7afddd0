// Whether ranks held and sent what their plan says, byte by byte.

import { expect } from 'vitest';
import { shardsOf } from '../../../src/cluster/cluster-steps.ts';
import { planRanks } from '../../../src/cluster/ranks/planned-bytes.ts';
import { planActivations } from '../../../src/cluster/ranks/planned-activations.ts';
import { createSchedule } from '../../../src/cluster/schedule/schedules.ts';
import type { ClusterResult } from '../../../src/cluster/train-cluster.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { parseRunSettings } from '../../../src/train/run-settings.ts';
import type { Ran } from './runs.ts';

/** Compares a run with the plan for the model and the batches that it has recorded. */
export async function expectAsPlanned({ result, store }: Ran<ClusterResult>): Promise<void> {
  const { layout, schedule, microBatches, ranks, steps } = result;
  const { model, train } = parseRunSettings(await store.readSettings(), store.path);
  const net = new DeepseekV3ForCausalLM(model, 0);
  const plan = { layout, schedule: createSchedule(schedule, layout.pp, microBatches) };
  const shards = shardsOf({ model: net }, { layout, schedule, microBatches });
  net.dispose();
  const planned = planRanks({ ...plan, shards }, model, train);
  const activations = await planActivations({
    layout,
    schedule,
    microBatches,
    messages: 'float32',
    model,
    train,
    shards,
  });
  if (activations !== null) expect(ranks.map(({ activationBytes }) => activationBytes)).toEqual(activations);
  expect(
    ranks.map(({ rank, parameterBytes, optimizerBytes, peakPasses, sent }) => {
      const { experts: _, ...others } = sent; // what the routers chose
      return { rank, parameterBytes, optimizerBytes, peakPasses, sent: others };
    }),
  ).toEqual(
    planned.map(({ place, parameterBytes, optimizerBytes, peakPasses, sent }) => ({
      ...{ rank: place.rank, parameterBytes, optimizerBytes, peakPasses },
      sent: Object.fromEntries(Object.entries(sent).map(([purpose, bytes]) => [purpose, steps * bytes])),
    })),
  );
}
