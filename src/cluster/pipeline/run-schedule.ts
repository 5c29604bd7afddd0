// What one rank does in a step: the operations of its schedule, one after the other.
//
// Messages between stages carry a tag with stage and micro-batch, so each is found whatever else has come before it:
// F activations, B their gradients, E embeddings for the MTP modules of the last stage, D the gradients of those.
// Shape legend: B rows, T tokens, D hiddenSize.

import { tf } from '../../tensor/tf.ts';
import type { RankMail } from '../ranks/mailbox.ts';
import { shared } from '../ranks/mailbox.ts';
import { stepsOf } from '../schedule/dependencies.ts';
import type { Chunk, Operation, Pass, Schedule } from '../schedule/schedule.ts';
import type { OrderedSum } from '../zero/ordered-sum.ts';
import type { HeldStage } from './held-stages.ts';
import { depthsOf } from './stage-layers.ts';
import { forwardStage, type MicroBatch, type StageContext, type StageFindings, type StagePass } from './stage-pass.ts';

/** A rank's part in the pipeline. */
export interface PipelineRank extends StageContext {
  readonly mailbox: RankMail;
  readonly schedule: Pick<Schedule, 'rankOf' | 'held' | 'stages'>;
  readonly operations: readonly Operation[];
  readonly stages: ReadonlyMap<number, HeldStage>;
  /** The rank at a place of this pipeline. */
  readonly rankAt: (place: number) => number;
}

/** What a rank found in a stage of a micro-batch. */
export interface ChunkFindings extends Chunk {
  readonly findings: StageFindings;
}

/**
 * Runs the operations on the micro-batches of this pipeline and gives the gradients of each stage to its sum.
 *
 * Returns what was found, and the most forward passes that were kept at a time.
 */
export function runOperations(
  rank: PipelineRank,
  microBatches: readonly MicroBatch[],
  sums: ReadonlyMap<number, OrderedSum>,
): { readonly found: ChunkFindings[]; readonly peakPasses: number } {
  const kept = new Map<string, StagePass['pass']>();
  const found: ChunkFindings[] = [];
  let peakPasses = 0;
  const steps: Readonly<Record<Pass, (chunk: Chunk) => void>> = {
    forward: (chunk) => {
      const { pass, findings } = forward(rank, microBatches[chunk.microBatch]!, chunk);
      kept.set(keyOf(chunk), pass);
      peakPasses = Math.max(peakPasses, kept.size);
      found.push({ stage: chunk.stage, microBatch: chunk.microBatch, findings });
    },
    backward: (chunk) => {
      const pass = kept.get(keyOf(chunk))!;
      const { inputs, weights } = withGradients(rank, microBatches, chunk, pass, (dys) => pass.backward(dys));
      sendGradients(rank, chunk, inputs);
      finish(chunk, weights);
    },
    backwardInput: (chunk) => {
      const pass = kept.get(keyOf(chunk))!;
      sendGradients(
        rank,
        chunk,
        withGradients(rank, microBatches, chunk, pass, (dys) => pass.backwardInputs(dys)),
      );
    },
    backwardWeight: (chunk) => finish(chunk, kept.get(keyOf(chunk))!.backwardWeights()),
  };
  const finish = (chunk: Chunk, weights: readonly tf.Tensor[]) => {
    kept.delete(keyOf(chunk));
    sums.get(chunk.stage)!.add(chunk.microBatch, weights);
  };
  for (const step of rank.operations.flatMap(stepsOf)) steps[step.kind](step);
  return { found, peakPasses };
}

const keyOf = ({ stage, microBatch }: Chunk) => `${stage} ${microBatch}`;

function forward(rank: PipelineRank, microBatch: MicroBatch, chunk: Chunk): StagePass {
  const { stage } = chunk;
  const isFirst = stage === 0;
  const inputs = {
    hidden: isFirst ? null : receive(rank, { ...chunk, stage: stage - 1 }, 'F', microBatch),
    embedded: isFirst || !needsEmbeddings(rank, chunk, microBatch) ? null : embeddings(rank, chunk, microBatch),
  };
  const ran = forwardStage(rank.stages.get(stage)!, microBatch, inputs, rank);
  tf.dispose([inputs.hidden, inputs.embedded].filter((tensor) => tensor !== null));
  const { hidden, embedded } = ran.pass.value;
  if (hidden !== undefined) send(rank, { ...chunk, stage: stage + 1 }, `F${stage} ${chunk.microBatch}`, hidden);
  if (embedded !== undefined) {
    const last = { ...chunk, stage: rank.schedule.stages - 1 };
    const isShared = rank.schedule.held[rank.schedule.rankOf(last)]!.includes(0);
    if (!isShared) send(rank, last, `E0 ${chunk.microBatch}`, embedded);
  }
  tf.dispose([hidden, embedded].filter((tensor) => tensor !== undefined));
  return ran;
}

/** Whether a stage reads the embeddings besides stage 0: the last one, for its MTP modules. */
function needsEmbeddings({ config, schedule }: PipelineRank, { stage }: Chunk, { input }: MicroBatch): boolean {
  return stage === schedule.stages - 1 && depthsOf(config, input.ids.shape[1] - 1) > 0;
}

/** The embeddings for the last stage: from the table that this rank shares between both ends, or from stage 0. */
function embeddings(rank: PipelineRank, chunk: Chunk, microBatch: MicroBatch): tf.Tensor3D {
  const table = rank.stages.get(0)?.embedding;
  if (!table) return receive(rank, { ...chunk, stage: 0 }, 'E', microBatch);
  const { ids } = microBatch.input;
  return tf.tidy(() => table.apply(tf.slice(ids, [0, 0], [ids.shape[0], ids.shape[1] - 1])));
}

/** Calls `differentiate` with the gradients of what a stage gave; they are freed afterwards. */
function withGradients<T>(
  rank: PipelineRank,
  microBatches: readonly MicroBatch[],
  chunk: Chunk,
  { value }: StagePass['pass'],
  differentiate: (dys: Parameters<StagePass['pass']['backward']>[0]) => T,
): T {
  const microBatch = microBatches[chunk.microBatch]!;
  const last = rank.schedule.stages - 1;
  const isGiven = (name: 'hidden' | 'embedded' | 'loss') => value[name] !== undefined;
  const dys = {
    ...(isGiven('hidden') ? { hidden: receive(rank, { ...chunk, stage: chunk.stage + 1 }, 'B', microBatch) } : {}),
    ...(isGiven('embedded') ? { embedded: receive(rank, { ...chunk, stage: last }, 'D', microBatch) } : {}),
    ...(isGiven('loss') ? { loss: tf.scalar(1) } : {}),
  };
  const gradients = differentiate(dys);
  tf.dispose([dys, value.loss ?? []]);
  return gradients;
}

/** Sends the gradients of what a stage was given to where it came from, and frees them. */
function sendGradients(rank: PipelineRank, chunk: Chunk, [hidden, embedded]: readonly tf.Tensor[]): void {
  const { stage, microBatch } = chunk;
  if (hidden !== undefined) send(rank, { ...chunk, stage: stage - 1 }, `B${stage} ${microBatch}`, hidden);
  if (embedded !== undefined) send(rank, { ...chunk, stage: 0 }, `D${stage} ${microBatch}`, embedded);
  tf.dispose([hidden, embedded].filter((tensor) => tensor !== undefined));
}

/** Sends to the rank that runs a stage of a micro-batch. */
function send({ schedule, mailbox, rankAt }: PipelineRank, to: Chunk, tag: string, tensor: tf.Tensor): void {
  mailbox.send(rankAt(schedule.rankOf(to)), tag, [shared(tensor.dataSync<'float32'>())], 'pipeline');
}

/** Receives a tensor [B, T, D] from the rank that runs a stage of a micro-batch. */
function receive(
  { schedule, mailbox, rankAt, config }: PipelineRank,
  from: Chunk,
  letter: string,
  { input }: MicroBatch,
): tf.Tensor3D {
  const [B, length] = input.ids.shape;
  const [values] = mailbox.receive(rankAt(schedule.rankOf(from)), `${letter}${from.stage} ${from.microBatch}`);
  return tf.tensor3d(values as Float32Array, [B, length - 1, config.hiddenSize]);
}
