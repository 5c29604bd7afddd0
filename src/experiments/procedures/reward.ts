// What an arm of the study `reward` does: it trains a judge, where it needs one, and lets the policy that all arms of
// its seed share learn from the reward of the arm.

import { join } from 'node:path';
import { documentPrompt } from '../../evaluate/evaluate-task.ts';
import { namedTask } from '../../evaluate/tasks/index.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { chooseCheckpoint } from '../../io/read-checkpoint.ts';
import type { AdvantageKind } from '../../post-training/grpo/advantages.ts';
import { grpo, resumeGrpo } from '../../post-training/grpo/grpo.ts';
import { type Judge, judgeReward, pairsRight, verdictsRight } from '../../post-training/rewards/judge/judge.ts';
import type { JudgeStyle } from '../../post-training/rewards/judge/judge-text.ts';
import { judgeConversations, preferencePairs, type PreferencePair } from '../../post-training/rewards/judge/pairs.ts';
import { correct, type Reward } from '../../post-training/rewards/reward.ts';
import { vote } from '../../post-training/rewards/vote.ts';
import { resumeSft, type SftOptions, sft } from '../../post-training/sft/sft.ts';
import { pointsOf } from '../../report/charts/points.ts';
import { loadRun } from '../../report/load-run.ts';
import { folderStore } from '../../runs/folder-store.ts';
import type { TrainResult } from '../../train/events.ts';
import type { ArmWork, ProcedureResult } from '../procedure.ts';
import { oneThread, runStage, type StagePart } from '../stage.ts';

const task = namedTask('chain');
const place = { backend: 'auto', backendOptions: oneThread } as const;
const quiet = { evalEvery: 0, checkpointEvery: 0, sampleTokens: 0 } as const;

/** Problems whose answers tell how many pairs a judge gets right. */
const heldOutProblems = 256;
/** The seed of the model that judges begin from is that of the policy and so much: it is another model. */
const otherSeed = 1000;

/** Trains what the arms of a seed share: a policy that is right now and then, and a model that solves all problems. */
export async function teachBoth(work: ArmWork): Promise<ProcedureResult> {
  const { stopAt, solverSteps, learningRate } = work.settings;
  const common = { task, model: work.model };
  const rate = { ...quiet, learningRate: Number(learningRate) };
  await sftStage(
    work,
    { name: 'policy', from: 0, to: 0.5 },
    {},
    {
      ...common,
      ...(stopAt === null ? {} : { stopAt: Number(stopAt) }),
      train: { ...rate, seed: work.seed, steps: work.train.steps, lrSchedule: 'constant' },
    },
  );
  await sftStage(
    work,
    { name: 'solver', from: 0.5, to: 1 },
    {},
    {
      ...common,
      train: { ...rate, seed: work.seed + otherSeed, steps: Number(solverSteps) },
    },
  );
  return { measured: {} };
}

/** Reinforcement learning from the reward of the arm; whatever that is, the truth is measured too. */
export async function learnFromReward(work: ArmWork): Promise<ProcedureResult> {
  const { reward, judged, release } = await rewardOf(work);
  try {
    const { measured } = await reinforce(work, reward);
    const number = (side: 'before' | 'after', key: string) => Number(measured?.[side][key]);
    const { metrics } = loadRun(join(work.dir, 'rl'));
    const score = pointsOf(metrics, 'grpo/reward').map(({ x, y }) => [x, y] as const);
    const truth = pointsOf(metrics, 'grpo/pass_at_1').map(({ x, y }) => [x, y] as const);
    return {
      measured: {
        passAt1: number('after', 'passAt1'),
        gain: number('after', 'passAt1') - number('before', 'passAt1'),
        gainAt8: number('after', 'passAtK') - number('before', 'passAtK'),
        scoreGain: meanOf(score.slice(-10)) - meanOf(score.slice(0, 3)),
        ...judged,
      },
      curves: { score, truth },
    };
  } finally {
    release();
  }
}

function meanOf(points: readonly (readonly [x: number, y: number])[]): number {
  return points.reduce((sum, [, y]) => sum + y, 0) / points.length;
}

interface ArmReward {
  readonly reward: Reward;
  /** What is known of the judge. */
  readonly judged: Readonly<Record<string, number>>;
  release(): void;
}

async function rewardOf(work: ArmWork): Promise<ArmReward> {
  const { reward } = work.settings;
  const free = { judged: {}, release: () => {} };
  if (reward === 'correct') return { reward: correct(task), ...free };
  if (reward === 'vote') return { reward: vote(task), ...free };
  const { judge, judged } = await trainJudge(work, reward as JudgeStyle);
  return { reward: judgeReward(judge), judged, release: () => judge.model.dispose() };
}

/** A judge of the policy's answers, which begins as a model that can solve the problems itself. */
async function trainJudge(
  work: ArmWork,
  style: JudgeStyle,
): Promise<{ readonly judge: Judge; readonly judged: ArmReward['judged'] }> {
  const { pairs, heldOut } = await pairsOfPolicy(work);
  const set = { name: 'pairs', conversations: judgeConversations(pairs, task, style) };
  const { checkpoint } = await sftStage(
    work,
    { name: 'judge', from: 0, to: 0.5 },
    { conversations: [set] },
    {
      init: newest(work, 'solver'),
      epochs: Number(work.settings.judgeEpochs),
      verdictWeight: Number(work.settings.verdictWeight),
      train: { ...quiet, seed: work.seed, learningRate: Number(work.settings.judgeRate) },
    },
  );
  const judge = { ...loadModel(checkpoint), task };
  const agreement = (votes: number) => verdictsRight({ ...judge, votes }, heldOut);
  const [agreement1, agreement3, agreement6] = [await agreement(1), await agreement(3), await agreement(6)];
  const votesGain = agreement6 - agreement1;
  const judged = { pairsRight: await pairsRight(judge, heldOut), agreement1, agreement3, agreement6, votesGain };
  return { judge, judged };
}

async function pairsOfPolicy(work: ArmWork): Promise<{ pairs: PreferencePair[]; heldOut: PreferencePair[] }> {
  const { model, tokenizer } = loadModel(newest(work, 'policy'));
  const common = { task, encode: documentPrompt(tokenizer), maxNewTokens: answerTokens, seed: work.seed };
  try {
    const pairs = await preferencePairs(model, tokenizer, { ...common, problems: Number(work.settings.problems) });
    const heldOut = await preferencePairs(model, tokenizer, { ...common, problems: heldOutProblems, heldOut: true });
    return { pairs, heldOut };
  } finally {
    model.dispose();
  }
}

/** The longest solution of the task, and its end. */
const answerTokens = 10;

const newest = ({ sharedDir }: ArmWork, name: string): string => chooseCheckpoint(join(sharedDir, name)).path;

function sftStage(
  work: ArmWork,
  part: StagePart,
  samples: Pick<SftOptions, 'conversations'>,
  options: Omit<SftOptions, 'backend'>,
): Promise<TrainResult> {
  return runStage(work, part, {
    start: (runDir, watcher) => sft({ ...place, ...samples, ...options, ...watcher, runDir }),
    resume: (runDir, watcher) => resumeSft({ ...samples, ...watcher, runDir, backendOptions: oneThread }),
  });
}

function reinforce(work: ArmWork, reward: Reward): Promise<TrainResult> {
  const { rlSteps, beta, advantage } = work.settings;
  const problems = { task, reward, rewardName: work.arm.name };
  const from = work.settings.reward === 'thinks' || work.settings.reward === 'at-once' ? 0.5 : 0;
  const settings = { beta: Number(beta), advantage: advantage as AdvantageKind };
  const train = { ...quiet, seed: work.seed, steps: Number(rlSteps) };
  return runStage(
    work,
    { name: 'rl', from, to: 1 },
    {
      start: (runDir, watcher) =>
        grpo({ ...place, ...problems, ...watcher, init: newest(work, 'policy'), grpo: settings, train, runDir }),
      resume: (runDir, watcher) =>
        resumeGrpo({ ...problems, ...watcher, store: folderStore(runDir), backendOptions: oneThread }),
    },
  );
}
