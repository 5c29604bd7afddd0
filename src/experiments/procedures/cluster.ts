// What an arm of the study `cluster` does: it trains over ranks, compares that with plain training of the same seed,
// and simulates its schedule on the report's cluster.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { recordRouting } from '../../cluster/record-routing.ts';
import { createSchedule, nearestMicroBatches, parseScheduleName } from '../../cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../../cluster/schedule/timeline.ts';
import { simulateStep } from '../../cluster/simulator/simulate.ts';
import { countTraffic, meanTraffic } from '../../cluster/simulator/traffic.ts';
import { parseLayout } from '../../cluster/layout.ts';
import { replicasOf } from '../../cluster/ranks/places.ts';
import { type ClusterResult, trainCluster } from '../../cluster/train-cluster.ts';
import { modelPreset } from '../../config/presets.ts';
import { createDataset } from '../../data/dataset.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { chooseCheckpoint, readCheckpoint } from '../../io/read-checkpoint.ts';
import { loadRun } from '../../report/load-run.ts';
import type { ArmWork, ProcedureResult } from '../procedure.ts';
import { oneThread, runStage, trainStage } from '../stage.ts';
import type { Measurements } from '../study.ts';

const plainRun = 'plain';
/** Tokens of held-out text whose routing is recorded. */
const tracedTokens = 2048;

/** Plain training, which all arms of the seed are compared with. */
export async function trainPlainly(work: ArmWork): Promise<ProcedureResult> {
  const { model, train } = work;
  await trainStage(work, { name: plainRun, from: 0, to: 1 }, { model, train });
  return { measured: {} };
}

/** All that the study measures of an arm; what an arm has no part in is left out. */
export async function trainAndSimulate(work: ArmWork): Promise<ProcedureResult> {
  const result = await trainOverRanks(work);
  const { ranks, layout } = result;
  const expertBytes = ranks.reduce((sum, { sent }) => sum + sent.experts, 0);
  return {
    measured: {
      ...(await compare(work, result)),
      chunks: Math.max(...ranks.map(({ peakPasses }) => peakPasses)),
      ...(layout.ep === 1 ? {} : { expertMegabytes: expertBytes / 1e6 }),
      ...(layout.ep === work.model.nGroup ? await trafficOf(work, result) : {}),
      ...(work.settings.isSimulated === true ? simulated(result) : {}),
    },
  };
}

/** Takes seconds, so a run that was stopped starts again, and all of its bytes are counted. */
function trainOverRanks(work: ArmWork): Promise<ClusterResult> {
  const { layout: text, schedule, messages } = work.settings;
  const layout = parseLayout(String(text));
  const start = (runDir: string, watcher: Parameters<Parameters<typeof runStage>[2]['start']>[1]) =>
    trainCluster({
      ...{ model: work.model, train: work.train, runDir, ...watcher, backend: 'engine', backendOptions: oneThread },
      ...{ layout: String(text), schedule: String(schedule), messages: messages === 'fp8' ? 'fp8' : 'float32' },
      microBatches: work.train.gradAccumSteps / replicasOf(layout),
    });
  const resume: typeof start = (runDir, watcher) => {
    rmSync(runDir, { recursive: true, force: true });
    return start(runDir, watcher);
  };
  return runStage(work, { name: 'ranks', from: 0, to: 1 }, { start, resume }) as Promise<ClusterResult>;
}

/** Losses step by step, in millionths of a loss, and the weights at the end. */
async function compare({ dir, sharedDir }: ArmWork, { checkpoint }: ClusterResult): Promise<Measurements> {
  const lossesOf = (runDir: string) =>
    loadRun(runDir).metrics.flatMap((line) => (line['train/loss'] === undefined ? [] : [Number(line['train/loss'])]));
  const [plain, own] = [lossesOf(join(sharedDir, plainRun)), lossesOf(join(dir, 'ranks'))];
  if (plain.length !== own.length) throw new Error(`internal: ${own.length} steps, and ${plain.length} without ranks`);
  const plainCheckpoint = chooseCheckpoint(join(sharedDir, plainRun)).path;
  const isEqual = (await weightsOf(checkpoint)) === (await weightsOf(plainCheckpoint));
  return {
    lossDifference: 1e6 * Math.max(...plain.map((loss, step) => Math.abs(own[step]! / loss - 1))),
    equalBits: Number(isEqual),
  };
}

async function weightsOf(checkpoint: string): Promise<string> {
  const opened = readCheckpoint(checkpoint);
  try {
    return await opened.weightsSha256();
  } finally {
    opened.close();
  }
}

/** The copies of tokens between nodes that the choices of the trained model need, with one rank in each node. */
async function trafficOf({ train }: ArmWork, { checkpoint, layout }: ClusterResult): Promise<Measurements> {
  const dataset = await createDataset(train);
  const { model } = loadModel(checkpoint);
  const trace = await recordRouting(model, model.config, dataset, { ...train, tokens: tracedTokens });
  model.dispose();
  const placement = { experts: trace.experts, ranks: layout.ep, gpusPerNode: 1 };
  const { infinibandCopies, infinibandCopiesPerExpert, mostInfinibandCopies } = meanTraffic(
    trace.texts.flatMap(({ choices }) => choices.map((layer) => countTraffic(layer, placement))),
  );
  return { nodeCopies: mostInfinibandCopies, saved: infinibandCopiesPerExpert / infinibandCopies };
}

/** The schedule of the arm at the sizes of table 2, and in the report's step with its savings and without. */
function simulated({ schedule }: ClusterResult): Measurements {
  const ranks = schedule === 'dualpipev' ? 4 : 8; // of 8 stages in either case
  const unit = createSchedule(parseScheduleName(schedule), ranks, 20);
  const { idle } = simulateSchedule(unit, passDurations({ F: 1, B: 2, W: 1, FB: 3 }));
  const step = {
    ...{ model: modelPreset('deepseek-v3'), layout: { pp: 16, ep: 64, dp: 2 }, seqLen: 4096, schedule },
    microBatches: nearestMicroBatches(schedule, 16, 120),
  };
  const saving = simulateStep(step);
  const plain = simulateStep({ ...step, copies: 'expert', dispatch: 'bf16' });
  return {
    idle: Math.max(...idle),
    bubble: saving.bubble,
    exposed: saving.exposedCommunication,
    hours: saving.gpuHoursPerTrillionTokens / 1e3,
    exposedPlain: plain.exposedCommunication,
    hoursPlain: plain.gpuHoursPerTrillionTokens / 1e3,
  };
}
