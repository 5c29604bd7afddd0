// A step of GRPO (arXiv:2412.19437 sec. 5.2.2): answers to some problems, their rewards and advantages, and the update.
//
// There is no critic, unless it is asked for: what an answer is compared with are the other answers to the same
// problem.

import type { TrainConfig } from '../../config/train-config.ts';
import { createRandom, permutation } from '../../data/random.ts';
import type { Tokenizer } from '../../data/types.ts';
import type { PromptEncoder } from '../../evaluate/evaluate-task.ts';
import { trainingProblem } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import { verifyAll } from '../../evaluate/verify.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Learner } from '../../train/learner.ts';
import type { MethodOutcome } from '../../train/method.ts';
import type { StepPlan } from '../../train/schedules.ts';
import type { StepOutcome } from '../../train/step-report.ts';
import { type Reward, scoreAnswers } from '../rewards/reward.ts';
import { type Rollout, rollOut } from '../rollouts/rollouts.ts';
import { groupAdvantages } from './advantages.ts';
import type { GrpoConfig } from './config.ts';
import type { Critic } from './critic.ts';
import { describeStep, stepRecord } from './diagnostics.ts';
import { tokenAdvantages, whiten } from './gae.ts';
import { tokenWeights } from './loss.ts';
import type { TrainingAnswer } from './rows.ts';
import { divide, type ReferredAnswer, scoreAnswerTokens, type UpdateOutcome, update } from './update.ts';

/** Steps without any signal after which a warning is due. */
const patience = 5;

/** What does not change from step to step. */
export interface GrpoSetting {
  readonly task: Task;
  readonly tokenizer: Tokenizer;
  readonly encode: PromptEncoder;
  readonly reward: Reward;
  readonly config: GrpoConfig;
  /** The model that the run started from; null where beta is 0. */
  readonly reference: DeepseekV3ForCausalLM | null;
  /** Null unless advantages are a critic's. */
  readonly critic: Critic | null;
  /** Steps in a row, up to now, in which no group had a signal. */
  readonly silence: { steps: number };
}

/** An answer with what it is worth. */
interface Valued extends TrainingAnswer {
  readonly rollout: Rollout;
  readonly reward: number;
  readonly isRight: boolean;
  /** What a critic is to say of each token. */
  readonly targets?: readonly number[];
}

/**
 * Samples answers from the live weights and learns from them.
 *
 * Problems and answers depend on the seed and the step alone. A group in which every advantage is 0 teaches nothing: it
 * is counted and takes no part in the update, but stays in the mean, so that a lone group does not weigh as much as all
 * would. A step of such groups alone moves nothing.
 *
 * @throws {UserError} when a reward cannot be had, or the update is not finite.
 */
export async function grpoStep(
  setting: GrpoSetting,
  learner: Learner,
  plan: StepPlan,
  train: TrainConfig,
): Promise<MethodOutcome> {
  const { config, reference } = setting;
  const begun = performance.now();
  const groups = await sampleGroups(setting, learner.model, plan.step, train.seed);
  const sampled = performance.now();
  const valued = await valueAnswers(setting, groups);
  const all = valued.flat();
  const scores = reference && (await scoreAnswerTokens(reference, all, config.temperature, train.gradAccumSteps));
  const referred = all.map((answer, i) => ({ ...answer, reference: scores?.[i] ?? null }));
  const kept = divide(referred, valued.length).filter((group) => group.some(({ advantage }) => advantage !== 0));
  const updates = await updateAll(setting, learner, kept.flat(), plan, train);
  const record = stepRecord({
    answers: referred,
    groups: divide(referred, valued.length),
    updates,
    clip: config.clip,
    level: config.level,
    sampleSeconds: (sampled - begun) / 1000,
    updateSeconds: (performance.now() - sampled) / 1000,
    criticLoss: updates[0]?.criticLoss ?? null,
  });
  const warnings = warnOfSilence(setting, kept.length === 0, all);
  return { ...lastOutcome(updates), metrics: record, highlights: describeStep(record, valued.length), warnings };
}

/** A warning when nothing has been learned for a while: said once, until something is. */
function warnOfSilence({ silence, task }: GrpoSetting, isSilent: boolean, answers: readonly Valued[]): string[] {
  silence.steps = isSilent ? silence.steps + 1 : 0;
  if (silence.steps !== patience) return [];
  const rewards = new Set(answers.map(({ reward }) => reward));
  if (rewards.size === 1 && answers.every(({ isRight }) => isRight)) return [];
  const what =
    rewards.size === 1
      ? `every answer got the reward ${[...rewards][0]}`
      : 'all answers to a problem were worth the same';
  return [
    `In ${patience} steps nothing was learned: ${what}. If that goes on, look at the answers and the reward, ` +
      `or start from a model that solves some problems of ${task.name}.`,
  ];
}

/** The problems of a step, and answers to each. */
function sampleGroups(
  { task, tokenizer, encode, config }: GrpoSetting,
  model: DeepseekV3ForCausalLM,
  step: number,
  seed: number,
): Promise<Rollout[][]> {
  const problems = Array.from({ length: config.prompts }, (_, i) => {
    return trainingProblem(task, createRandom(seed, 'grpo problem', step, i));
  });
  const random = createRandom(seed, 'grpo answers', step);
  return rollOut(model, tokenizer, problems, encode, { ...config, task, random });
}

async function valueAnswers(
  { task, reward, config, critic }: GrpoSetting,
  groups: readonly (readonly Rollout[])[],
): Promise<Valued[][]> {
  const all = groups.flat();
  const rewards = await scoreAnswers(reward, all);
  const verified = await verifyAll(task, all);
  const shares = tokenWeights(
    all.map(({ ids }) => ids.length),
    config.meanOver,
  );
  const plain = all.map((rollout, at) => {
    const isRight = rollout.ended && verified[at]!.isRight;
    return { rollout, reward: rewards[at]!, isRight, advantage: 0, share: shares[at]! };
  });
  const valued = critic === null ? plain : await criticised(critic, plain);
  return divide(valued, groups.length).map((own) => {
    if (config.advantage === 'critic') return own;
    const advantages = groupAdvantages(
      own.map(({ reward: value }) => value),
      config.advantage,
    );
    return own.map((answer, i) => ({ ...answer, advantage: advantages[i]! }));
  });
}

/** Answers with the advantages of their tokens, and what the critic is to learn from them. */
async function criticised(critic: Critic, answers: readonly Valued[]): Promise<Valued[]> {
  const values = await critic.values(answers);
  const found = answers.map(({ reward }, i) => tokenAdvantages(reward, values[i]!));
  const whitened = whiten(found.map(({ advantages }) => advantages));
  return answers.map((answer, i) => {
    const own = whitened[i]!;
    const advantage = own.reduce((sum, value) => sum + value, 0) / own.length;
    return { ...answer, advantage, tokenAdvantages: own, targets: found[i]!.targets };
  });
}

/** The updates of a step, each with a part of the answers in an order of chance; none without answers. */
async function updateAll<A extends ReferredAnswer & Valued>(
  { config, critic }: GrpoSetting,
  learner: Learner,
  answers: readonly A[],
  plan: StepPlan,
  train: TrainConfig,
): Promise<{ readonly answers: readonly A[]; readonly outcome: UpdateOutcome; readonly criticLoss: number | null }[]> {
  if (answers.length === 0) return [];
  const order = [...permutation(answers.length, train.seed, 'grpo order', plan.step)].map((i) => answers[i]!);
  const parts = divide(config.updates === 1 ? answers : order, config.updates);
  const done: { answers: readonly A[]; outcome: UpdateOutcome; criticLoss: number | null }[] = [];
  for (const part of parts) {
    // Each update is a mean of its own.
    const own = part.map((answer) => ({ ...answer, share: answer.share * parts.length }));
    const outcome = await update(learner, own, plan, train, config);
    done.push({
      answers: part,
      outcome,
      criticLoss: (await critic?.update(part, targetsOf(part), plan, train)) ?? null,
    });
  }
  return done;
}

const targetsOf = (answers: readonly Valued[]) => answers.map(({ targets = [] }) => targets);

/** What the last update found; of a step without one that nothing moved. */
function lastOutcome(updates: readonly { readonly outcome: UpdateOutcome }[]): StepOutcome {
  const last = updates.at(-1)?.outcome;
  if (last === undefined) return { total: 0, main: 0, mtp: [], balance: 0, gradNorm: 0, load: [] };
  const { logps: _, ...outcome } = last;
  return outcome;
}
