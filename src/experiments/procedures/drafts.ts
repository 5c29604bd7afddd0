// What an arm of the study `mtp-after` does: more SFT or RL with the MTP module trained along or left alone, and how
// many of its drafts the main model would accept in its own answers.

import { join } from 'node:path';
import { createRandom } from '../../data/random.ts';
import { documentPrompt } from '../../evaluate/evaluate-task.ts';
import { someHeldOut } from '../../evaluate/split.ts';
import { namedTask } from '../../evaluate/tasks/index.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { chooseCheckpoint } from '../../io/read-checkpoint.ts';
import { grpo, resumeGrpo } from '../../post-training/grpo/grpo.ts';
import { type Rollout, rollOut } from '../../post-training/rollouts/rollouts.ts';
import { resumeSft, sft } from '../../post-training/sft/sft.ts';
import { folderStore } from '../../runs/folder-store.ts';
import type { TrainResult } from '../../train/events.ts';
import { namedTokens } from '../probes/named-tokens.ts';
import type { ArmWork, ProcedureResult } from '../procedure.ts';
import { oneThread, runStage } from '../stage.ts';

const task = namedTask('chain');
const place = { backend: 'auto', backendOptions: oneThread } as const;
const quiet = { evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 } as const;
const problems = 128;
/** The longest solution of the task, and its end. */
const answerTokens = 10;

/** SFT with the module, until two answers in five are right: what all arms of a seed start from. */
export async function teachWithDrafts(work: ArmWork): Promise<ProcedureResult> {
  const { stopAt, learningRate } = work.settings;
  const { seed, steps } = work.train;
  const options = {
    ...{ ...place, task, model: work.model, ...(stopAt === null ? {} : { stopAt: Number(stopAt) }) },
    train: { ...quiet, ...lambda(work), seed, steps, learningRate: Number(learningRate), lrSchedule: 'constant' },
  } as const;
  await runStage(
    work,
    { name: 'policy', from: 0, to: 1 },
    { start: (runDir, watcher) => sft({ ...options, ...watcher, runDir }), resume: resumeTeaching },
  );
  return { measured: {} };
}

/** The second stage, with acceptance before and after. */
export async function trainOn(work: ArmWork): Promise<ProcedureResult> {
  const policy = chooseCheckpoint(join(work.sharedDir, 'policy')).path;
  const { checkpoint, measured } = await (work.settings.stage === 'rl' ? reinforce : teachMore)(work, policy);
  const before = await acceptanceOf(policy, work.seed);
  const after = await acceptanceOf(checkpoint, work.seed);
  return {
    measured: {
      'acceptance/before': before,
      acceptance: after,
      acceptanceGain: after - before,
      passAt1: Number(measured?.after.passAt1),
    },
  };
}

const lambda = ({ settings }: ArmWork) => {
  return { mtpLossWeight: Number(settings.mtpWeight), mtpLossWeightFinal: Number(settings.mtpWeight) };
};

const resumeTeaching = (runDir: string, watcher: object): Promise<TrainResult> =>
  resumeSft({ ...watcher, runDir, backendOptions: oneThread });

function teachMore(work: ArmWork, init: string): Promise<TrainResult> {
  const { seed, settings } = work;
  const train = { ...quiet, ...lambda(work), seed: seed + 1000, steps: Number(settings.moreSft) };
  return runStage(
    work,
    { name: 'more-sft', from: 0, to: 0.9 },
    {
      start: (runDir, watcher) => sft({ ...place, task, init, train, ...watcher, runDir }),
      resume: resumeTeaching,
    },
  );
}

function reinforce(work: ArmWork, init: string): Promise<TrainResult> {
  const { seed, settings } = work;
  const train = { ...quiet, ...lambda(work), seed, steps: Number(settings.rlSteps) };
  return runStage(
    work,
    { name: 'rl', from: 0, to: 0.9 },
    {
      start: (runDir, watcher) => grpo({ ...place, task, init, grpo: { beta: 0.02 }, train, ...watcher, runDir }),
      resume: (runDir, watcher) =>
        resumeGrpo({ task, ...watcher, store: folderStore(runDir), backendOptions: oneThread }),
    },
  );
}

/**
 * The share of the tokens of sampled answers, from the second on, for which the module, reading what stands before,
 * names the token that the main model names.
 */
async function acceptanceOf(checkpoint: string, seed: number): Promise<number> {
  const { model, tokenizer } = loadModel(checkpoint);
  try {
    const options = {
      task,
      group: 1,
      maxNewTokens: answerTokens,
      temperature: 1,
      random: createRandom(seed, 'drafts'),
    };
    const groups = await rollOut(model, tokenizer, someHeldOut(task, problems), documentPrompt(tokenizer), options);
    const answers = groups.flat();
    const seqLen = Math.max(...answers.map((answer) => idsOf(answer).length)) - 1;
    const ids = new Int32Array(answers.length * (seqLen + 1));
    for (const [row, answer] of answers.entries()) ids.set(idsOf(answer), row * (seqLen + 1));
    const documentIds = new Int32Array(ids.length);
    const domains = new Int32Array(answers.length);
    const batch = { batchSize: answers.length, seqLen, ids, documentIds, domains };
    const { main, mtp } = namedTokens(model, batch, false);
    let [accepted, all] = [0, 0];
    for (const [row, answer] of answers.entries()) {
      // Position i of the module and position i + 1 of the main model name token i + 2.
      for (let i = answer.promptIds.length - 1; i + 2 < idsOf(answer).length; i++) {
        accepted += Number(mtp[0]?.[row]?.[i] === main[row]?.[i + 1]);
        all++;
      }
    }
    return accepted / all;
  } finally {
    model.dispose();
  }
}

const idsOf = ({ promptIds, ids }: Rollout): readonly number[] => [...promptIds, ...ids];
