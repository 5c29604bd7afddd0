// One rank of a training run: holds its stages, carries out orders.

import { rotaryTables } from '../../layers/rotary-embedding.ts';
import type { ModelParts } from '../../model/parts.ts';
import { overwrite } from '../../ops/overwrite.ts';
import { tf } from '../../tensor/tf.ts';
import { passSettings } from '../../train/accumulate.ts';
import { AdamW } from '../../train/adamw.ts';
import { WeightAverage } from '../../train/ema.ts';
import { partsFor } from '../../train/learner.ts';
import { lossInput, splitBatch } from '../../train/micro-batch.ts';
import { firstNonFinite } from '../../train/non-finite.ts';
import { distributedExperts, exactFormats, reportFormats } from '../experts/distributed-experts.ts';
import { roadsOf } from '../experts/roads.ts';
import { ExpertShardStore } from '../experts/shard-store.ts';
import { rankAt, replicaOf, replicasOf } from './places.ts';
import { biasesOf, createHeldStage, type HeldStage } from '../pipeline/held-stages.ts';
import { type PipelineRank, runOperations } from '../pipeline/run-schedule.ts';
import { splitLayers } from '../pipeline/stage-layers.ts';
import type { MicroBatch } from '../pipeline/stage-pass.ts';
import { createSchedule } from '../schedule/schedules.ts';
import { blockSquares } from '../zero/block-squares.ts';
import { OrderedSum } from '../zero/ordered-sum.ts';
import { type HeldShards, reduceGradients, shareParameters } from '../zero/reduce.ts';
import { holdersOf, type Shard } from '../zero/shards.ts';
import { heapUse } from './heap-use.ts';
import { Mailbox, type RankMail, shared } from './mailbox.ts';
import type { RankBytes } from './bytes.ts';
import type { Biases, Order, RankPlan, RankStart, Report, ShardValues } from './orders.ts';

type OrderOf<Type extends Order['type']> = Extract<Order, { type: Type }>;

/** Carries out the orders of the conductor, for ever. */
export async function serveOrders(start: RankStart): Promise<never> {
  const mailbox = new Mailbox(start.wiring);
  const rank = new Rank(start, mailbox);
  mailbox.report({ type: 'ready' } satisfies Report);
  for (;;) {
    const report = await rank.carryOut(mailbox.nextOrder<Order>());
    if (report !== null) mailbox.report(report);
  }
}

/** What a rank holds, and what it does when it is told to. */
export class Rank {
  readonly #start: RankPlan;
  readonly #mailbox: RankMail;
  readonly #pipeline: PipelineRank;
  readonly #biases: ReadonlyMap<number, tf.Variable>;
  readonly #held: HeldShards;
  /** The tensors that this rank owns, by the index of their shard as text: what optimizer and average know them by. */
  readonly #owned: ReadonlyMap<string, tf.Variable>;
  readonly #optimizer: AdamW;
  readonly #average: WeightAverage | null;
  /** Gradients of owned shards, from the passes of a step to its update. */
  #gradients: ReadonlyMap<number, tf.Tensor> = new Map();
  #peakPasses = 0;
  #activationBytes = 0;

  constructor(start: RankPlan, mailbox: RankMail) {
    const { place, layout, model: config, train, shards } = start;
    const schedule = createSchedule(start.schedule, layout.pp, start.microBatches);
    const split = splitLayers(config.numHiddenLayers, schedule.stages);
    const store = new ExpertShardStore(train.seed, config.initializerRange, layout.ep);
    const parts = partsOf(start, mailbox);
    const indices = schedule.held[place.pp]!;
    const stages = new Map(indices.map((i) => [i, createHeldStage(store, config, parts, split, i)]));
    const replica = replicaOf(place, layout);
    this.#start = start;
    this.#mailbox = mailbox;
    this.#pipeline = {
      config,
      rotary: rotaryTables(config, config.maxPositionEmbeddings),
      mailbox,
      schedule,
      operations: schedule.operations[place.pp]!,
      stages,
      rankAt: (pp) => rankAt(pp, replica, layout),
    };
    this.#biases = new Map([...stages.values()].flatMap((stage) => [...biasesOf(stage)]));
    this.#held = { shards, variables: variablesOf(shards, stages, place.ep) };
    const owned = [...this.#held.variables].filter(([index]) => shards[index]!.owner === place.rank);
    this.#owned = new Map(owned.map(([index, variable]) => [String(index), variable]));
    this.#optimizer = new AdamW(this.#owned, train);
    this.#average = train.emaDecay > 0 ? new WeightAverage(this.#owned, train.emaDecay) : null;
  }

  /** Does what is ordered, and returns the answer; null where none is expected. */
  async carryOut(order: Order): Promise<Report | null> {
    if (order.type === 'load') return this.#load(order);
    if (order.type === 'pass') return this.#pass(order);
    if (order.type === 'update') return this.#update(order);
    if (order.type === 'explain') return this.#explain();
    return { type: 'values', values: await this.#values() };
  }

  #load({ values, biases, steps }: OrderOf<'load'>): null {
    const tensors = values.flatMap(([index, { parameter, moments, average }]) => {
      const { shape } = this.#held.shards[index]!;
      tf.tidy(() => this.#held.variables.get(index)!.assign(tf.tensor(parameter, [...shape])));
      return [
        ...(moments === undefined
          ? []
          : [
              { name: `exp_avg.${index}`, shape, data: moments.expAvg },
              { name: `exp_avg_sq.${index}`, shape, data: moments.expAvgSq },
            ]),
        ...(average === undefined ? [] : [{ name: `ema.${index}`, shape, data: average }]),
      ];
    });
    this.#optimizer.importTensors(tensors, steps);
    this.#average?.importTensors(tensors);
    this.#setBiases(biases);
    return null;
  }

  #setBiases(biases: Biases): void {
    for (const [layer, bias] of biases) {
      const variable = this.#biases.get(layer);
      if (variable !== undefined) overwrite(variable, bias);
    }
  }

  /** Forward and backward passes of a step, up to the gradients of what this rank owns. */
  #pass({ batch, mtpWeight }: OrderOf<'pass'>): Report {
    const { layout, place, train, model, microBatches } = this.#start;
    const parts = splitBatch(batch, microBatches * replicasOf(layout));
    const settings = passSettings(parts, model.numNextnPredictLayers, mtpWeight, train);
    const first = replicaOf(place, layout) * microBatches;
    const own = parts.slice(first, first + microBatches);
    const inputs = own.map((part, i): MicroBatch => {
      return { input: lossInput(part, train.documentMask), settings: settings[first + i]! };
    });
    const atRest = heapUse().used;
    const sums = this.#emptySums();
    const { found, peakPasses } = runOperations(this.#pipeline, inputs, sums);
    for (const { input } of inputs) {
      tf.dispose([input.ids, input.documentIds, input.labelWeights].filter((tensor) => tensor != null));
    }
    tf.dispose([...this.#gradients.values()]);
    this.#gradients = reduceGradients(this.#mailbox, this.#held, sums);
    this.#peakPasses = Math.max(this.#peakPasses, peakPasses);
    this.#activationBytes = Math.max(this.#activationBytes, heapUse().peak - atRest);
    const squares = Array.from(this.#gradients, ([index, gradient]) => {
      return [index, blockSquares(gradient.dataSync<'float32'>())] as const;
    });
    // Micro-batches are counted over the whole batch where others hear of them.
    return {
      type: 'found',
      found: found.map((chunk) => ({ ...chunk, microBatch: first + chunk.microBatch })),
      squares,
    };
  }

  #emptySums(): ReadonlyMap<number, OrderedSum> {
    const { stages, schedule } = this.#pipeline;
    const { place, microBatches } = this.#start;
    const range = Array.from({ length: microBatches }, (_, i) => i);
    return new Map(
      Array.from(stages.keys(), (stage) => {
        const first = range.find((microBatch) => schedule.rankOf({ stage, microBatch }) === place.pp)!;
        if ((first === 0) !== (holdersOf(schedule, stage)[0] === place.pp)) throw new Error('internal: stage order');
        return [stage, new OrderedSum(first)] as const;
      }),
    );
  }

  #update({ learningRate, scale, biases }: OrderOf<'update'>): Report {
    const gradients = new Map(Array.from(this.#gradients, ([index, gradient]) => [String(index), gradient]));
    if (this.#owned.size > 0) tf.tidy(() => this.#optimizer.update(gradients, learningRate, tf.scalar(scale)));
    tf.dispose([...gradients.values()]);
    this.#gradients = new Map();
    shareParameters(this.#mailbox, this.#held);
    this.#setBiases(biases);
    this.#average?.update();
    return { type: 'updated', bytes: this.#bytes() };
  }

  #bytes(): RankBytes {
    const { sent, sentBetweenNodes } = this.#mailbox;
    const bytesOf = (variables: Iterable<tf.Variable>) => [...variables].reduce((sum, { size }) => sum + 4 * size, 0);
    return {
      peakBytes: heapUse().peak,
      parameterBytes: bytesOf(this.#held.variables.values()),
      optimizerBytes: (this.#start.train.adamMoments === 'bfloat16' ? 1 : 2) * bytesOf(this.#owned.values()),
      activationBytes: this.#activationBytes,
      peakPasses: this.#peakPasses,
      sentBytes: Object.values(sent).reduce((sum, bytes) => sum + bytes, 0),
      sent: { ...sent },
      sentBetweenNodes,
    };
  }

  async #explain(): Promise<Report> {
    const named = (tensors: Iterable<readonly [number, tf.Tensor]>) =>
      new Map(Array.from(tensors, ([index, tensor]) => [this.#held.shards[index]!.name, tensor]));
    return {
      type: 'culprit',
      weight: await firstNonFinite('the weight', named(this.#held.variables)),
      gradient: await firstNonFinite('the gradient of', named(this.#gradients)),
    };
  }

  async #values(): Promise<(readonly [number, ShardValues])[]> {
    const averages = (await this.#average?.exportTensors()) ?? [];
    const tensors = [...(await this.#optimizer.exportTensors()), ...averages];
    const byName = new Map(tensors.map(({ name, data }) => [name, data]));
    return Array.from(this.#owned, ([index, variable]) => {
      const of = (kind: string) => shared(byName.get(`${kind}.${index}`)!);
      const values = {
        parameter: shared(variable.dataSync<'float32'>()),
        moments: { expAvg: of('exp_avg'), expAvgSq: of('exp_avg_sq') },
        ...(this.#average === null ? {} : { average: of('ema') }),
      };
      return [Number(index), values] as const;
    });
  }
}

function partsOf({ train, layout, place, model, messages }: RankPlan, mailbox: RankMail): ModelParts {
  const parts = partsFor(train);
  if (layout.ep === 1) return parts;
  const formats = messages === 'fp8' ? reportFormats : exactFormats;
  const experts = distributedExperts(parts.products, roadsOf(mailbox, place, layout, model), formats);
  return { ...parts, products: { ...parts.products, experts } };
}

/** The variables of the shards that a rank holds, by index. */
function variablesOf(
  shards: readonly Shard[],
  stages: ReadonlyMap<number, HeldStage>,
  expertPlace: number,
): ReadonlyMap<number, tf.Variable> {
  return new Map(
    shards.flatMap((shard, index) => {
      const variable = stages.get(shard.stage)?.parameters.get(shard.name);
      const isHere = shard.expertPlace === null || shard.expertPlace === expertPlace;
      return variable === undefined || !isHere ? [] : [[index, variable] as const];
    }),
  );
}
