// How long a training step takes: the one of `tinyseek train`, on random tokens. Nothing is read or written.

import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import { memoryLedger } from '../memory/ledger.ts';
import type { StepMemory } from '../memory/kinds.ts';
import { measureStep } from '../memory/step-memory.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { activeBackend } from '../tensor/active-backend.ts';
import { createRandom } from '../tensor/random.ts';
import { isGuarded } from '../train/guarded-step.ts';
import { createLearner, disposeLearner, type Learner, partsFor } from '../train/learner.ts';
import type { StepPlan } from '../train/schedules.ts';
import { trainStep } from '../train/train-step.ts';
import type { GpuWork } from '../webgpu/commands.ts';
import { runningWebGpu } from '../webgpu/running.ts';
import { timingOf } from './timing.ts';

/**
 * What `benchStep` found, and on WebGPU what a step asks of the GPU. The keys are those of
 * `tinyseek bench step --json`.
 */
export interface StepBench extends Partial<GpuWork> {
  /** Trained ones, MTP modules included and balancing biases not. */
  readonly parameters: number;
  readonly batchSize: number;
  readonly seqLen: number;
  /** Steps that were timed. */
  readonly steps: number;
  /** The median. */
  readonly msPerStep: number;
  readonly msMin: number;
  readonly tokensPerSecond: number;
  /** By `countParameters().flopsPerToken`: the arithmetic the model needs, whatever the backend does beyond it. */
  readonly gflops: number;
  /** Most memory this process had at any time. */
  readonly peakMemoryBytes: number;
  /** What tensors and kernels take, measured and as the ledger says it; null where the active backend is no engine. */
  readonly memory: { readonly measured: StepMemory; readonly predicted: StepMemory } | null;
}

const leastSteps = 15;
const leastSeconds = 2;
const warmUpSteps = 5;
const warmUpSeconds = 1;

/**
 * Times whole optimizer steps on the active backend: forward, backward, clipping, AdamW, balancing bias.
 *
 * Steps follow each other as in a run: where a GPU takes the next one before it has told the numbers of this one, so it
 * does here. Every step sees the same batch. `steps` are timed; null: at least 15, for at least 2 seconds. Before them
 * come 5 (or `steps`, if fewer), for at least a second, in which V8 optimises.
 */
export async function benchStep(model: ModelConfig, train: TrainConfig, steps: number | null): Promise<StepBench> {
  const batch = randomBatch(model, train);
  const memory = await stepMemory(model, train, batch);
  const learner = createLearner({ model, train });
  const plan = steadyPlan(train);
  const step = () => trainStep(learner, batch, plan, train);
  const time = isGuarded(learner) ? timeStepsAhead : timeSteps;
  try {
    await time(step, Math.min(warmUpSteps, steps ?? warmUpSteps), warmUpSeconds);
    const before = { ...runningWebGpu()?.work };
    const seconds = await time(step, steps ?? leastSteps, steps === null ? leastSeconds : 0);
    return { ...summarize(learner, train, seconds), ...workPerStep(before, seconds.length), memory };
  } finally {
    disposeLearner(learner);
  }
}

async function stepMemory(model: ModelConfig, train: TrainConfig, batch: Batch): Promise<StepBench['memory']> {
  const { name, threads } = activeBackend();
  if (name !== 'engine' || threads === null) return null;
  const make = {
    model: () => new DeepseekV3ForCausalLM(model, train.seed, partsFor(train)),
    learner: (own: DeepseekV3ForCausalLM) => createLearner({ model, train }, {}, own),
  };
  const predicted = await memoryLedger({ model, train, threads });
  return { measured: measureStep(make, batch, train), predicted };
}

/** Rows of one document each, of tokens that are all equally likely. */
export function randomBatch({ vocabSize }: ModelConfig, { batchSize, seqLen, seed }: TrainConfig): Batch {
  const random = createRandom(seed);
  const size = batchSize * (seqLen + 1);
  return {
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: size }, () => Math.floor(random() * vocabSize)),
    documentIds: new Int32Array(size),
    domains: new Int32Array(batchSize),
  };
}

/** A step from the steady part of a run, after warm-up and before decay. */
export function steadyPlan({ batchSize, learningRate, expertBiasUpdateSpeed, mtpLossWeight }: TrainConfig): StepPlan {
  return {
    step: 0,
    firstSample: 0,
    batchSize,
    progress: 0.5,
    learningRate,
    biasSpeed: expertBiasUpdateSpeed,
    mtpWeight: mtpLossWeight,
  };
}

/** Seconds of each of at least `least` steps, for at least `seconds`. */
async function timeSteps(step: () => Promise<unknown>, least: number, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (times.length < least || performance.now() < end) {
    const start = performance.now();
    await step();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}

/** The same where a step is asked for while the one before it is under way, as in a run: seconds from end to end. */
async function timeStepsAhead(step: () => Promise<unknown>, least: number, seconds: number): Promise<number[]> {
  const times: number[] = [];
  let start = performance.now();
  const end = start + seconds * 1000;
  let current = step();
  while (times.length < least || performance.now() < end) {
    const isLast = times.length + 1 >= least && performance.now() >= end;
    const next = isLast ? null : step();
    await current;
    const now = performance.now();
    times.push((now - start) / 1000);
    start = now;
    if (next === null) break;
    current = next;
  }
  return times;
}

/** Counts of a step, and what is held at the end of the last; nothing where the active backend is not WebGPU. */
function workPerStep(before: Partial<GpuWork>, steps: number): Partial<GpuWork> {
  const work = runningWebGpu()?.work;
  if (work === undefined) return {};
  const perStep = (key: keyof GpuWork) => (work[key] - (before[key] ?? 0)) / steps;
  return {
    dispatches: perStep('dispatches'),
    submits: perStep('submits'),
    readbacks: perStep('readbacks'),
    buffersCreated: perStep('buffersCreated'),
    bytesAllocated: work.bytesAllocated,
  };
}

function summarize(
  { model }: Learner,
  { batchSize, seqLen }: TrainConfig,
  seconds: readonly number[],
): Omit<StepBench, 'memory'> {
  const { median, min } = timingOf(seconds);
  const tokensPerSecond = (batchSize * seqLen) / median;
  return {
    parameters: [...model.parameters.values()].reduce((sum, { size }) => sum + size, 0),
    batchSize,
    seqLen,
    steps: seconds.length,
    msPerStep: median * 1e3,
    msMin: min * 1e3,
    tokensPerSecond,
    gflops: (countParameters(model.config, seqLen).flopsPerToken * tokensPerSecond) / 1e9,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
}
