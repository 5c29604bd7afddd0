// The steps of a run, taken by ranks: the conductor deals out weights and batches, decides on clipping from the norm of
// all gradients, moves the balancing biases, and fetches weights and moments when they are asked for.

import type { VariantName } from '../engine/variant-names.ts';
import type { Batch } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { activeBackend } from '../tensor/active-backend.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';
import { passSettings, weighTerms } from '../train/accumulate.ts';
import { balanceExperts } from '../train/balance-experts.ts';
import { clipScale } from '../train/clip.ts';
import type { Learner } from '../train/learner.ts';
import { combineLosses } from '../train/loss.ts';
import { splitBatch } from '../train/micro-batch.ts';
import { notFiniteError } from '../train/non-finite.ts';
import type { RunSettings } from '../train/run-settings.ts';
import type { StepPlan } from '../train/schedules.ts';
import { packReport, readReports, type StepOutcome } from '../train/step-report.ts';
import type { StartStepper, Stepper } from '../train/stepper.ts';
import type { Layout } from './layout.ts';
import type { ChunkFindings } from './pipeline/run-schedule.ts';
import { splitLayers } from './pipeline/stage-layers.ts';
import { shared } from './ranks/mailbox.ts';
import type { MessageFormat, RankBytes } from './ranks/bytes.ts';
import type { ShardValues } from './ranks/orders.ts';
import { planActivations } from './ranks/planned-activations.ts';
import { type PlannedRank, planRanks } from './ranks/planned-bytes.ts';
import { RankThreads } from './ranks/rank-threads.ts';
import { createSchedule, type ScheduleName } from './schedule/schedules.ts';
import { normOfSquares } from './zero/block-squares.ts';
import { partOf, planShards, type Shard } from './zero/shards.ts';

/** How a cluster of threads is laid out. */
export interface ClusterPlan {
  readonly layout: Layout;
  readonly schedule: ScheduleName;
  /** Micro-batches of each pipeline in a step. */
  readonly microBatches: number;
  readonly messages: MessageFormat;
  /** The most bytes that the engine of each rank may take; absent or null: all that it can address. */
  readonly engineMemory?: number | null;
}

/** Hears of the ranks. */
export interface ClusterWatcher {
  /** Called before the threads start, with what each rank will hold and send. */
  readonly onPlan?: (ranks: readonly PlannedRank[], activations: readonly number[] | null) => void | Promise<void>;
  /** Called when the threads have started. */
  readonly onRanks?: (ranks: RankThreads) => void;
  /** Called after every step with the bytes of each rank so far. */
  readonly onBytes?: (bytes: readonly RankBytes[]) => void;
}

/** A stepper whose steps are taken by ranks of a cluster. */
export function clusterSteps(plan: ClusterPlan, watcher: ClusterWatcher = {}): StartStepper {
  return async (learner, settings) => {
    const { engineVariant } = activeBackend();
    if (engineVariant === null) {
      throw new UserError('cluster: ranks compute with the engine, which this run does not use; take --backend engine');
    }
    const shards = shardsOf(learner, plan);
    const { model, train } = settings;
    const schedule = createSchedule(plan.schedule, plan.layout.pp, plan.microBatches);
    const common = { ...plan, model, train, shards };
    const planned = planRanks({ layout: plan.layout, schedule, shards }, model, train);
    await watcher.onPlan?.(planned, await planActivations(common));
    const engine = { engineVariant: engineVariant as VariantName, engineMemory: plan.engineMemory ?? null };
    const ranks = new RankThreads({ ...common, ...engine });
    watcher.onRanks?.(ranks);
    const steps = new ClusterSteps(learner, settings, shards, ranks, watcher);
    try {
      await ranks.ready();
      await steps.deal();
    } catch (error) {
      await ranks.close();
      throw error;
    }
    return steps;
  };
}

/** The shards of a model, in the order of its parameters. */
export function shardsOf(
  { model }: Pick<Learner, 'model'>,
  { layout, schedule: name, microBatches }: Omit<ClusterPlan, 'messages'>,
): Shard[] {
  const schedule = createSchedule(name, layout.pp, microBatches);
  const split = splitLayers(model.config.numHiddenLayers, schedule.stages);
  const { embedding, blocks } = model.stages;
  const stageOf = (name: string) => {
    if (embedding.parameters.has(name)) return 0;
    const block = blocks.find(({ parameters }) => parameters.has(name));
    return block === undefined ? schedule.stages - 1 : split.findIndex(({ to }) => block.layer < to);
  };
  const parameters = Array.from(model.parameters, ([name, { shape }]) => ({ name, shape, stage: stageOf(name) }));
  return planShards(parameters, layout, schedule);
}

class ClusterSteps implements Stepper {
  readonly canBeAhead = false;
  readonly #learner: Learner;
  readonly #settings: RunSettings;
  readonly #shards: readonly Shard[];
  readonly #ranks: RankThreads;
  readonly #watcher: ClusterWatcher;
  /** Updates made so far, those before a resumption included. */
  #updates: number;
  /** Whether the learner lacks what the ranks have. */
  #isBehind = false;

  constructor(
    learner: Learner,
    settings: RunSettings,
    shards: readonly Shard[],
    ranks: RankThreads,
    watcher: ClusterWatcher,
  ) {
    this.#learner = learner;
    this.#settings = settings;
    this.#shards = shards;
    this.#ranks = ranks;
    this.#watcher = watcher;
    this.#updates = learner.optimizer.steps;
  }

  /** Gives every rank what it holds of the learner. */
  async deal(): Promise<void> {
    const { model, optimizer, average } = this.#learner;
    const state = [...(await optimizer.exportTensors()), ...((await average?.exportTensors()) ?? [])];
    const byName = new Map([...(await model.exportTensors()), ...state].map(({ name, data }) => [name, data]));
    const biases = this.#biases();
    const values = this.#shards.map((shard): ShardValues => {
      const of = (prefix: string) => shared(partOf(shard, byName.get(`${prefix}${shard.name}`)!));
      return {
        parameter: of(''),
        moments: { expAvg: of('exp_avg.'), expAvgSq: of('exp_avg_sq.') },
        ...(average === null ? {} : { average: of('ema.') }),
      };
    });
    this.#ranks.workers.forEach((_, rank) => {
      const own = this.#shards.flatMap((shard, index) => {
        if (!shard.holders.some((ranks) => ranks.includes(rank))) return [];
        const { parameter, ...state } = values[index]!;
        return [[index, { parameter, ...(shard.owner === rank ? state : {}) }] as const];
      });
      this.#ranks.order(rank, { type: 'load', values: own, biases, steps: optimizer.steps });
    });
  }

  async step(batch: Batch, plan: StepPlan): Promise<StepOutcome> {
    this.#ranks.orderAll({ type: 'pass', batch, mtpWeight: plan.mtpWeight });
    const reports = await this.#ranks.reports('found');
    const squares = new Map(reports.flatMap(({ squares }) => [...squares]));
    const norm = tf.scalar(normOfSquares(this.#shards.flatMap((_, index) => squares.get(index)!)));
    const packed = this.#reportsOf(
      reports.flatMap(({ found }) => found),
      batch,
      plan,
    );
    try {
      const found = await readReports(packed, norm, this.#learner.model);
      if (!Number.isFinite(found.total) || !Number.isFinite(found.gradNorm)) {
        throw await this.#notFinite(plan.step + 1, found.total);
      }
      return await this.#update(found, norm, plan);
    } finally {
      tf.dispose([norm, ...packed]);
    }
  }

  async #update(found: StepOutcome, norm: tf.Scalar, plan: StepPlan): Promise<StepOutcome> {
    const { train } = this.#settings;
    const { model } = this.#learner;
    const load = balanceExperts(model.expertBiases, found.load, plan.biasSpeed, model.config.expertBiasForm, train);
    const scale = tf.tidy(() => clipScale(norm, train.maxGradNorm).dataSync()[0]!);
    this.#isBehind = true;
    this.#updates++;
    this.#ranks.orderAll({ type: 'update', learningRate: plan.learningRate, scale, biases: this.#biases() });
    const updated = await this.#ranks.reports('updated');
    this.#watcher.onBytes?.(updated.map(({ bytes }) => bytes));
    return { ...found, load };
  }

  /** A report for each micro-batch, made of what its stages found, with the ops of plain training. */
  #reportsOf(found: readonly ChunkFindings[], batch: Batch, { mtpWeight }: StepPlan): tf.Tensor1D[] {
    const { train } = this.#settings;
    const { model } = this.#learner;
    const parts = splitBatch(batch, train.gradAccumSteps);
    const settings = passSettings(parts, model.config.numNextnPredictLayers, mtpWeight, train);
    return settings.map((weights, microBatch) => {
      const chunks = found.filter((chunk) => chunk.microBatch === microBatch).map(({ findings }) => findings);
      const layers = chunks.flatMap((chunk) => chunk.layers).toSorted((a, b) => a.layer - b.layer);
      return tf.tidy(() => {
        const [main, ...mtp] = chunks.flatMap(({ labelLosses }) => labelLosses).map((loss) => tf.scalar(loss));
        const balances = layers.map(({ balance }) => tf.scalar(balance));
        const counts = layers.map(({ layer, counts }) => ({ layer, counts: tf.tensor1d([...counts]) }));
        const terms = { ...combineLosses({ main: main!, mtp, balances }, weights), counts };
        return packReport(weighTerms(terms, weights), model);
      });
    });
  }

  async #notFinite(step: number, loss: number): Promise<UserError> {
    this.#ranks.orderAll({ type: 'explain' });
    const culprits = await this.#ranks.reports('culprit');
    const first = (which: 'weight' | 'gradient') => culprits.map((culprit) => culprit[which]).find((text) => text);
    return notFiniteError(step, loss, first('weight') ?? first('gradient') ?? null);
  }

  #biases(): [number, Float32Array][] {
    return Array.from(this.#learner.model.expertBiases, ([layer, bias]) => [layer, bias.dataSync<'float32'>()]);
  }

  async gather(): Promise<void> {
    if (!this.#isBehind) return;
    this.#ranks.orderAll({ type: 'gather' });
    const reports = await this.#ranks.reports('values');
    const values = new Map(reports.flatMap((report) => [...report.values]));
    const { model, optimizer, average } = this.#learner;
    const buffers = (await model.exportTensors()).filter(({ name }) => !model.parameters.has(name));
    const joined = (prefix: string, of: (values: ShardValues) => Float32Array): NamedTensor[] =>
      Array.from(model.parameters, ([name, { shape, size }]) => {
        const data = new Float32Array(size);
        this.#shards.forEach((shard, index) => {
          if (shard.name === name) partOf(shard, data).set(of(values.get(index)!));
        });
        return { name: `${prefix}${name}`, shape, data };
      });
    model.importTensors([...joined('', ({ parameter }) => parameter), ...buffers]);
    optimizer.importTensors(
      [
        ...joined('exp_avg.', ({ moments }) => moments!.expAvg),
        ...joined('exp_avg_sq.', ({ moments }) => moments!.expAvgSq),
      ],
      this.#updates,
    );
    average?.importTensors(joined('ema.', (values) => values.average!));
    this.#isBehind = false;
  }

  close(): Promise<void> {
    return this.#ranks.close();
  }
}
