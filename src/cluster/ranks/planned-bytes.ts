// What each rank will hold and send, told from the plan alone; what ranks measure is equal to it.
//
// Not planned here are messages between experts, which follow from what the routers choose
// (`experts/planned-messages.ts`), and the bytes of activations, which the step itself tells on a shadow of the engine
// (`planned-activations.ts`): how many chunks a rank holds is planned.

import type { ModelConfig } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import type { Layout } from '../layout.ts';
import { depthsOf } from '../pipeline/stage-layers.ts';
import { messageAfter } from '../schedule/messages.ts';
import { stepsOf } from '../schedule/dependencies.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { passDurations, simulateSchedule } from '../schedule/timeline.ts';
import type { Shard } from '../zero/shards.ts';
import type { RankBytes } from './bytes.ts';
import { describePlace, type Place, placeOf, ranksOf, replicasOf } from './places.ts';

/** The plan of one rank; bytes as in `RankBytes`, those sent in one step of `batchSize` rows. */
export interface PlannedRank extends Pick<RankBytes, 'parameterBytes' | 'optimizerBytes' | 'peakPasses'> {
  readonly place: Place;
  /** The stages that it holds. */
  readonly stages: readonly number[];
  readonly sent: Readonly<Record<'pipeline' | 'gradients' | 'parameters', number>>;
}

interface Plan {
  readonly layout: Layout;
  readonly schedule: Schedule;
  readonly shards: readonly Shard[];
}

/** All numbers are float32, but for moments that are kept in bfloat16. */
const bytesOf = ({ shape }: Pick<Shard, 'shape'>) => 4 * shape.reduce((product, length) => product * length, 1);

/** The plan of every rank, in the order of their numbers. */
export function planRanks(plan: Plan, model: ModelConfig, train: TrainConfig): PlannedRank[] {
  const { layout, schedule, shards } = plan;
  const tally = () => Array.from({ length: ranksOf(layout) }, () => 0);
  const [weights, moments, gradients, parameters] = [tally(), tally(), tally(), tally()];
  for (const shard of shards) {
    const bytes = bytesOf(shard);
    const { owner, holders } = shard;
    for (const rank of holders.flat()) weights[rank]! += bytes;
    moments[owner]! += (train.adamMoments === 'bfloat16' ? 1 : 2) * bytes;
    parameters[owner]! += bytes * (holders.flat().length - 1);
    for (const ranks of holders) {
      const [first, last] = [ranks[0]!, ranks.at(-1)!];
      if (first !== last) gradients[first]! += bytes; // the second holder of a stage in DualPipe adds its own to it
      if (last !== owner) gradients[last]! += bytes;
    }
  }
  const { peakActivations } = simulateSchedule(schedule, passDurations({ F: 1, B: 2, W: 1, FB: 3 }));
  const pipeline = tensorsSent(schedule, depthsOf(model, train.seqLen) > 0);
  const tensor = (4 * train.batchSize * train.seqLen * model.hiddenSize) / replicasOf(layout) / schedule.microBatches;
  return weights.map((parameterBytes, rank) => {
    const place = placeOf(rank, layout);
    return {
      place,
      stages: schedule.held[place.pp]!,
      parameterBytes,
      optimizerBytes: moments[rank]!,
      peakPasses: peakActivations[place.pp]!,
      sent: {
        pipeline: pipeline[place.pp]! * tensor,
        gradients: gradients[rank]!,
        parameters: parameters[rank]!,
      },
    };
  });
}

/**
 * Tensors that each rank of a pipeline sends to others in a step: hidden states and their gradients, and, for the MTP
 * modules of the last stage, the embeddings and their gradients, where its rank does not hold the embedding.
 */
function tensorsSent(schedule: Schedule, hasMtp: boolean): number[] {
  const { operations, held, stages, rankOf } = schedule;
  const sent = held.map(() => 0);
  for (const step of operations.flat().flatMap(stepsOf)) {
    const message = messageAfter(schedule, step);
    if (message !== null) sent[message.from]!++;
    if (!hasMtp || step.kind !== 'forward' || step.stage !== stages - 1) continue;
    const first = rankOf({ stage: 0, microBatch: step.microBatch });
    const last = rankOf(step);
    if (first === last) continue;
    sent[last]!++;
    if (!held[last]!.includes(0)) sent[first]!++;
  }
  return sent;
}

/**
 * Ranks in words, one line each: `rank 1 (pp 1, ep 0, dp 0): stages 1 and 2, ...`. `activations` are those of
 * `planActivations`.
 */
export function describeRanks(ranks: readonly PlannedRank[], activations: readonly number[] | null): string[] {
  const text = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  return ranks.map(({ place, stages, parameterBytes, optimizerBytes, peakPasses }, rank) => {
    const taken = activations === null ? '' : `, which take ${text(activations[rank]!)}`;
    const held = `${stages.length === 1 ? 'stage' : 'stages'} ${stages.join(' and ')}`;
    return (
      `${describePlace(place)}: ${held}, ${text(parameterBytes)} of weights, ` +
      `${text(optimizerBytes)} of moments, at most ${peakPasses} ${peakPasses === 1 ? 'chunk' : 'chunks'}${taken}`
    );
  });
}
