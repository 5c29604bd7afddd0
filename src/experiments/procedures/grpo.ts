// What an arm of the study `grpo` does: SFT on a mixture of answers, and then reinforcement learning or more SFT.

import { join } from 'node:path';
import { namedTask } from '../../evaluate/tasks/index.ts';
import { grpo, resumeGrpo } from '../../post-training/grpo/grpo.ts';
import { resumeSft, sft } from '../../post-training/sft/sft.ts';
import { pointsOf } from '../../report/charts/points.ts';
import { loadRun } from '../../report/load-run.ts';
import { folderStore } from '../../runs/folder-store.ts';
import type { TrainResult } from '../../train/events.ts';
import type { RunWatcher } from '../../train/run-watcher.ts';
import type { ArmWork, ProcedureResult, StudyCurve } from '../procedure.ts';
import { oneThread, runStage } from '../stage.ts';

const task = namedTask('chain');

const place = { backend: 'auto', backendOptions: oneThread } as const;

/** Settings of both stages that are not those of a run on its own. */
const quiet = { evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 } as const;

/** Both stages, and how good the model was before and after the second. */
export async function teachAndReward(work: ArmWork): Promise<ProcedureResult> {
  const { checkpoint } = await teach(work);
  const isMoreSft = Number(work.settings.moreSft) > 0;
  const { measured, seconds } = isMoreSft ? await teachMore(work, checkpoint) : await reward(work, checkpoint);
  const number = (side: 'before' | 'after', key: string) => Number(measured?.[side][key]);
  return {
    measured: {
      before: number('before', 'passAt1'),
      passAt1: number('after', 'passAt1'),
      gain: number('after', 'passAt1') - number('before', 'passAt1'),
      passAt8: number('after', 'passAtK'),
      gainAt8: number('after', 'passAtK') - number('before', 'passAtK'),
      lengthBefore: number('before', 'meanLength'),
      length: number('after', 'meanLength'),
      secondsOfSecondStage: seconds,
    },
    curves: isMoreSft ? {} : curvesOf(join(work.dir, 'rl')),
  };
}

function curvesOf(runDir: string): Record<string, StudyCurve> {
  const { metrics } = loadRun(runDir);
  const curve = (key: string): StudyCurve => pointsOf(metrics, key).map(({ x, y }) => [x, y]);
  return { reward: curve('grpo/reward'), length: curve('grpo/length') };
}

/** SFT from fresh weights. */
function teach(work: ArmWork): Promise<TrainResult> {
  const { solutions, stopAt, schedule } = work.settings;
  const { seed, steps, learningRate } = work.train;
  return runStage(
    work,
    { name: 'sft', from: 0, to: 0.3 },
    {
      start: (runDir, watcher) =>
        sft({
          ...{ ...place, ...watcher, task, runDir, model: work.model, solutions: String(solutions) },
          ...(stopAt === null ? {} : { stopAt: Number(stopAt) }),
          train: { ...quiet, seed, steps, learningRate, lrSchedule: schedule === 'constant' ? 'constant' : 'cosine' },
        }),
      resume: resumeTeaching,
    },
  );
}

/** More of the same SFT, with a rate that ends at zero. */
function teachMore(work: ArmWork, init: string): Promise<TrainResult> {
  const { solutions, moreSft } = work.settings;
  const { seed, learningRate } = work.train;
  const train = { ...quiet, seed: seed + 1000, steps: Number(moreSft), learningRate };
  const options = { ...place, task, init, solutions: String(solutions), train };
  return runStage(
    work,
    { name: 'more-sft', from: 0.3, to: 1 },
    { start: (runDir, watcher) => sft({ ...options, ...watcher, runDir }), resume: resumeTeaching },
  );
}

function resumeTeaching(runDir: string, watcher: RunWatcher): Promise<TrainResult> {
  return resumeSft({ ...watcher, runDir, backendOptions: oneThread });
}

/** Reinforcement learning, with the verifier of the task for a reward. */
function reward(work: ArmWork, init: string): Promise<TrainResult> {
  const { rlSteps, beta, system } = work.settings;
  const problems = { task, ...(system === null ? {} : { system: String(system) }) };
  const options = {
    ...{ ...place, ...problems, init, grpo: { beta: Number(beta) } },
    train: { ...quiet, seed: work.seed, steps: Number(rlSteps) },
  };
  return runStage(
    work,
    { name: 'rl', from: 0.3, to: 1 },
    {
      start: (runDir, watcher) => grpo({ ...options, ...watcher, runDir }),
      resume: (runDir, watcher) =>
        resumeGrpo({ ...problems, ...watcher, store: folderStore(runDir), backendOptions: oneThread }),
    },
  );
}
