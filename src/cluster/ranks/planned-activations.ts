// What a step of each rank will take in memory, told before any thread starts: the rank itself carries out its orders
// on a shadow of the engine, where tensors have sizes and no values, and messages of the right sizes come at once.

import { createShadow } from '../../engine/shadow.ts';
import type { Batch } from '../../data/types.ts';
import { emptyBatch } from '../../memory/ledger.ts';
import { createSchedule } from '../schedule/schedules.ts';
import type { Shard } from '../zero/shards.ts';
import type { Purpose } from './bytes.ts';
import type { Payload, RankMail } from './mailbox.ts';
import type { Order, RankPlan, Report, ShardValues } from './orders.ts';
import { type Place, placeOf, ranksOf, replicasOf } from './places.ts';
import { Rank } from './rank.ts';

/** What all ranks are started with. */
export type CommonPlan = Omit<RankPlan, 'place'>;

const zeros = (size: number) => new Float32Array(new SharedArrayBuffer(4 * size));
const sizeOf = ({ shape }: Shard) => shape.reduce((product, length) => product * length, 1);

/**
 * The `activationBytes` of every rank, in the order of their numbers; see `RankBytes`. Null where ranks share experts:
 * how many rows a rank gets follows from what the routers choose.
 */
export async function planActivations(common: CommonPlan): Promise<readonly number[] | null> {
  const { layout } = common;
  if (layout.ep > 1) return null;
  const planned: number[] = [];
  for (let rank = 0; rank < ranksOf(layout); rank++) {
    const { activationBytes } = await takeStep(common, placeOf(rank, layout));
    planned.push(activationBytes);
  }
  return planned;
}

/** Two steps, as the first makes the moments. */
async function takeStep(common: CommonPlan, place: Place): Promise<Extract<Report, { type: 'updated' }>['bytes']> {
  const { train, model } = common;
  const orders: Order[] = [
    { type: 'load', values: emptyValues(common, place), biases: [], steps: 0 },
    ...[0, 1].flatMap((): Order[] => [
      { type: 'pass', batch: unevenBatch(train), mtpWeight: train.mtpLossWeight },
      { type: 'update', learningRate: 0, scale: 1, biases: [] },
    ]),
  ];
  const shadow = await createShadow(1);
  const reports = shadow.run(() => {
    const rank = new Rank({ ...common, place }, plannedMail(common, place, model.hiddenSize));
    return orders.map((order) => rank.carryOut(order));
  });
  const last = (await Promise.all(reports)).at(-1);
  if (last?.type !== 'updated') throw new Error('internal: a rank did not take its step');
  return last.bytes;
}

/** Rows with ever more documents, so that no two parts have as many labels and each is weighed by its own share. */
function unevenBatch(train: RankPlan['train']): Batch {
  const batch = emptyBatch(train);
  const length = train.seqLen + 1;
  batch.documentIds.forEach((_, i) => {
    batch.documentIds[i] = Math.min(i % length, Math.floor(i / length));
  });
  return batch;
}

function emptyValues({ shards, train }: CommonPlan, { rank }: Place): (readonly [number, ShardValues])[] {
  return shards.flatMap((shard, index) => {
    if (!shard.holders.flat().includes(rank)) return [];
    const parameter = zeros(sizeOf(shard));
    const owned = {
      moments: { expAvg: parameter, expAvgSq: parameter },
      ...(train.emaDecay > 0 ? { average: parameter } : {}),
    };
    return [[index, { parameter, ...(shard.owner === rank ? owned : {}) }] as const];
  });
}

/** Messages that are all zeros; how many follows from their tags. */
function plannedMail(
  { shards, layout, schedule: name, microBatches, train }: CommonPlan,
  { rank }: Place,
  width: number,
): RankMail {
  const schedule = createSchedule(name, layout.pp, microBatches);
  const rows = train.batchSize / replicasOf(layout) / schedule.microBatches;
  const held = (stage: number) =>
    shards.filter((shard) => shard.stage === stage && shard.holders.flat().includes(rank));
  const sent: Record<Purpose, number> = { pipeline: 0, experts: 0, gradients: 0, parameters: 0 };
  return {
    rank,
    sent,
    sentBetweenNodes: 0,
    send: () => {},
    receive: (_, tag): Payload => {
      const [kind, index] = tag.split(' ');
      if (kind === 'sum') return held(Number(index)).map((shard) => zeros(sizeOf(shard)));
      if (kind === 'gradient' || kind === 'parameter') return [zeros(sizeOf(shards[Number(index)]!))];
      return [zeros(rows * train.seqLen * width)];
    },
  };
}
