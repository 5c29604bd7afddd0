// A training step on a cluster, by event simulation of its pipeline with the costs of its hardware.
//
// What is assumed, with its source:
// - Stages take equal time: the work of all layers, MTP modules and output heads is shared out evenly among them. The
//   report does not say how it balances them.
// - All-to-all follows attention and experts of the same chunk and nothing hides it, except in an overlapped pair,
// which
//   takes as long as the longer of its computation and its communication (report 3.2.1). Meanwhile some processors
//   communicate and the others compute.
// - InfiniBand and NVLink work at the same time, so that an all-to-all takes as long as the slower (report 3.2.2).
// - Experts are equally loaded, unless recorded routing says otherwise: then all wait for the most loaded rank.
// - Messages between stages (BF16) go over InfiniBand while ranks compute, and delay only who waits for them.
// - After the last backward pass the gradients (float32) are reduced and the parameters (BF16) gathered over
//   InfiniBand, with nothing beside them (ZeRO-1).
// - Backward passes of attention cost 2.5 times its forward pass (5 products instead of 2: arXiv:2205.14135).

import type { ModelConfig } from '../../config/model-config.ts';
import type { Layout } from '../layout.ts';
import type { Operation, Schedule } from '../schedule/schedule.ts';
import { createSchedule, type ScheduleName } from '../schedule/schedules.ts';
import { type Durations, simulateSchedule, type Timeline } from '../schedule/timeline.ts';
import { checkLayout } from './check-layout.ts';
import { type Hardware, h800 } from './hardware.ts';
import { type MemoryOfRank, rankMemory } from './memory.ts';
import { countTraffic, type Traffic, uniformChoices } from './traffic.ts';
import { type DispatchFormat, expertLayers, forwardWork, hiddenStateBytes, parameterSplit } from './work.ts';

export interface SimulationOptions {
  readonly model: ModelConfig;
  readonly layout: Layout;
  readonly schedule: ScheduleName;
  /** Micro-batches of one sequence that go through each pipeline in a step, both directions of DualPipe together. */
  readonly microBatches: number;
  /** Tokens of a sequence. */
  readonly seqLen: number;
  /** How tokens are sent to experts; results come back in BF16. */
  readonly dispatch?: DispatchFormat;
  readonly hardware?: Hardware;
  /** Whether a token goes over InfiniBand once to a node, or once for each expert there. */
  readonly copies?: 'node' | 'expert';
  /** Traffic of recorded routing; experts chosen evenly if absent. */
  readonly traffic?: Traffic;
}

/** What a chunk, a micro-batch at one stage, takes; in seconds with all processors. */
export interface ChunkCosts {
  readonly forward: number;
  /** The two halves of the backward pass. */
  readonly backwardInput: number;
  readonly backwardWeight: number;
  /** The all-to-alls of a forward pass, and of a backward pass, which sends as much. */
  readonly allToAll: number;
  /** A message to the next stage. */
  readonly message: number;
}

export interface Simulation {
  readonly stepSeconds: number;
  /** The share of the step in which a rank has nothing to do, mean over ranks. */
  readonly bubble: number;
  /** The share of the step in which a rank only communicates, mean over ranks; the end of the step included. */
  readonly exposedCommunication: number;
  readonly tokensPerGpuSecond: number;
  readonly memoryBytesPerRank: readonly number[]; // [pp]
  readonly gpus: number;
  readonly tokensPerStep: number;
  readonly gpuHoursPerTrillionTokens: number;
  /** Seconds of communication for a second of computation in a chunk, forward and backward, with nothing overlapped. */
  readonly communicationToComputation: number;
  readonly dataParallelSeconds: number;
  readonly chunk: ChunkCosts;
  readonly traffic: Traffic;
  readonly memory: readonly MemoryOfRank[]; // [pp]
  readonly timeline: Timeline;
  readonly plan: Schedule;
}

/** Tokens from which the traffic of even routing is counted. */
const sampledTokens = 4096;

/**
 * Simulates a step.
 *
 * @throws {UserError} for a layout or micro-batches that do not fit, with the nearest that do
 */
export function simulateStep(options: SimulationOptions): Simulation {
  const { model, layout, schedule: name, microBatches, seqLen, hardware = h800 } = options;
  checkLayout(model, layout, name, hardware);
  const plan = createSchedule(name, layout.pp, microBatches);
  const placement = { experts: model.nRoutedExperts, ranks: layout.ep, gpusPerNode: hardware.gpusPerNode };
  const even = { ...countTraffic(uniformChoices(model, sampledTokens), placement), imbalance: 1 };
  const traffic = options.traffic ?? even;
  const chunk = chunkCosts(options, plan.stages, traffic, hardware);
  const timeline = simulateSchedule(plan, durationsOf(chunk, hardware));
  const copies = plan.held[0]!.length / (plan.stages / plan.ranks); // of the model: 2 in DualPipe
  const dataParallelSeconds = synchronisation(model, layout, hardware) * copies;
  const stepSeconds = timeline.makespan + dataParallelSeconds;
  const gpus = layout.pp * layout.ep * layout.dp;
  const tokensPerStep = microBatches * seqLen * layout.ep * layout.dp;
  const tokensPerGpuSecond = tokensPerStep / gpus / stepSeconds;
  const memory = plan.held.map((_, rank) => rankMemory(model, layout, plan, seqLen, timeline.peakActivations[rank]!));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const exposed = timeline.operations.map((list) =>
    list.reduce((sum, { operation }) => sum + exposedSeconds(operation.kind, chunk, hardware), 0),
  );
  const { forward, backwardInput, backwardWeight, allToAll } = chunk;
  return {
    stepSeconds,
    bubble: mean(timeline.idle) / stepSeconds,
    exposedCommunication: (mean(exposed) + dataParallelSeconds) / stepSeconds,
    tokensPerGpuSecond,
    memoryBytesPerRank: memory.map(({ total }) => total),
    gpus,
    tokensPerStep,
    gpuHoursPerTrillionTokens: 1e12 / tokensPerGpuSecond / 3600,
    communicationToComputation: (2 * allToAll) / (forward + backwardInput + backwardWeight),
    dataParallelSeconds,
    chunk,
    traffic,
    memory,
    timeline,
    plan,
  };
}

function chunkCosts(options: SimulationOptions, stages: number, traffic: Traffic, hardware: Hardware): ChunkCosts {
  const { model, seqLen, dispatch = 'fp8', copies = 'node' } = options;
  const { linear, routed, wide, attention, recomputed } = forwardWork(model, seqLen);
  const narrow = hardware.fp8Flops * hardware.efficiency;
  const broad = hardware.bf16Flops * hardware.efficiency;
  const products = (linear + routed * (traffic.imbalance - 1)) / narrow + wide / broad;
  const perStage = seqLen / stages;
  const sent = hiddenStateBytes(model, dispatch) + hiddenStateBytes(model, 'bf16'); // there and back
  const { communicationProcessors, saturatingProcessors } = hardware;
  const rate = saturatingProcessors === 0 ? 1 : Math.min(1, communicationProcessors / saturatingProcessors);
  const acrossNodes = copies === 'node' ? traffic.infinibandCopies : traffic.infinibandCopiesPerExpert;
  const perToken = Math.max(
    (acrossNodes * sent) / (hardware.infiniband * rate),
    (traffic.nvlinkCopies * sent) / (hardware.nvlink * rate),
  );
  return {
    forward: perStage * (products + attention / broad),
    backwardInput: perStage * (products + (2.5 * attention) / broad + recomputed / narrow),
    backwardWeight: perStage * products,
    allToAll: perStage * expertLayers(model) * perToken * traffic.imbalance,
    message: (seqLen * hiddenStateBytes(model, 'bf16')) / hardware.infiniband,
  };
}

/** Computation of an overlapped pair, by the processors that do not communicate. */
function pairComputation({ forward, backwardInput, backwardWeight }: ChunkCosts, hardware: Hardware): number {
  const { processors, communicationProcessors } = hardware;
  return ((forward + backwardInput + backwardWeight) * processors) / (processors - communicationProcessors);
}

function durationsOf(chunk: ChunkCosts, hardware: Hardware): Durations {
  const { forward, backwardInput, backwardWeight, allToAll } = chunk;
  const seconds = {
    forward: forward + allToAll,
    backward: backwardInput + backwardWeight + allToAll,
    backwardInput: backwardInput + allToAll,
    backwardWeight,
    overlapped: Math.max(pairComputation(chunk, hardware), 2 * allToAll),
  };
  return { of: ({ kind }) => seconds[kind], travel: chunk.message };
}

/** The part of an operation in which nothing is computed. */
function exposedSeconds(kind: Operation['kind'], chunk: ChunkCosts, hardware: Hardware): number {
  if (kind === 'backwardWeight') return 0;
  if (kind === 'overlapped') return Math.max(0, 2 * chunk.allToAll - pairComputation(chunk, hardware));
  return chunk.allToAll;
}

/** Seconds to reduce the gradients and to gather the parameters of one copy of the stages of a rank (ZeRO-1). */
function synchronisation(model: ModelConfig, { pp, ep, dp }: Layout, { infiniband }: Hardware): number {
  const { routed, others } = parameterSplit(model);
  const share = (copies: number) => (copies - 1) / copies; // of a ring: what a rank sends
  const parameters = (routed / ep) * share(dp) + others * share(ep * dp);
  return ((parameters / pp) * (4 + 2)) / infiniband;
}
