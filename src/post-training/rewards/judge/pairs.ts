// Preference pairs: a right and a wrong answer of a model itself to the same problem, from which a judge learns.

import { createRandom, type Random } from '../../../data/random.ts';
import type { Tokenizer } from '../../../data/types.ts';
import { UserError } from '../../../errors.ts';
import type { PromptEncoder } from '../../../evaluate/evaluate-task.ts';
import { someHeldOut, trainingProblem } from '../../../evaluate/split.ts';
import type { Problem, Task } from '../../../evaluate/task.ts';
import { verifyAll } from '../../../evaluate/verify.ts';
import type { DeepseekV3ForCausalLM } from '../../../model/causal-lm.ts';
import { rollOut } from '../../rollouts/rollouts.ts';
import type { ConversationSet } from '../../sft/sources.ts';
import { judgeMarks, judgeProblem, judgeReply, type JudgeStyle } from './judge-text.ts';

/** Two answers to a problem. */
export interface PreferencePair {
  readonly problem: Problem;
  readonly right: string;
  readonly wrong: string;
}

export interface PairOptions {
  readonly task: Task;
  /** How a prompt becomes tokens: see `documentPrompt`. */
  readonly encode: PromptEncoder;
  /** Problems that are tried. */
  readonly problems: number;
  /** Answers to each. Default 4. */
  readonly samples?: number;
  readonly maxNewTokens: number;
  /** Whether the problems are those that are held out, to measure a judge with. Default: problems for training. */
  readonly heldOut?: boolean;
  readonly seed: number;
}

/**
 * A pair of each problem to which the model gives right and wrong answers, at temperature 1. Only answers that ended
 * count. The same weights, options and seed give the same pairs.
 *
 * Source: arXiv:2412.19437 section 5.2.1: reward models are trained from checkpoints of the model, on preference data.
 *
 * @throws {UserError} when no problem gives a pair.
 */
export async function preferencePairs(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  { task, encode, problems: count, samples = 4, maxNewTokens, heldOut = false, seed }: PairOptions,
): Promise<PreferencePair[]> {
  const problems = heldOut ? someHeldOut(task, count, seed) : trainingProblems(task, count, seed);
  const random = createRandom(seed, 'pairs', task.name);
  const groups = await rollOut(model, tokenizer, problems, encode, {
    task,
    group: samples,
    maxNewTokens,
    temperature: 1,
    random,
  });
  const answers = groups.flat();
  const judged = await verifyAll(task, answers);
  const texts = (group: number, isRight: boolean) =>
    groups[group]!.flatMap(({ ended, completion }, i) =>
      ended && judged[group * samples + i]!.isRight === isRight ? [completion] : [],
    );
  const pairs = problems.flatMap((problem, group): PreferencePair[] => {
    const [[right], [wrong]] = [texts(group, true), texts(group, false)];
    return right === undefined || wrong === undefined ? [] : [{ problem, right, wrong }];
  });
  if (pairs.length > 0) return pairs;
  throw new UserError(
    `judge: ${samples} answers to each of ${problems.length} problems of ${task.name} gave no pair of a right and a ` +
      'wrong one; take a model that solves some of the problems and not all, or more answers',
  );
}

function trainingProblems(task: Task, count: number, seed: number): readonly Problem[] {
  const draw = (random: Random) => trainingProblem(task, random);
  return Array.from({ length: count }, (_, i) => draw(createRandom(seed, 'pair', i)));
}

/**
 * The pairs as a task for `tinyseek eval`, line by line: a judge is shown an answer and right is the verdict. A verdict
 * at once ends with its first token.
 */
export function judgeTaskLines(pairs: readonly PreferencePair[], task: Task): readonly object[] {
  const { good, bad } = judgeMarks(task);
  const problems = judgeConversations(pairs, task, 'at-once').map(({ turns: [asked, reply] }) => {
    return { prompt: asked!.content, answer: reply!.content };
  });
  return [{ task: `verdicts on ${task.name}`, format: `([${good}${bad}])$` }, ...problems];
}

/** The pairs as conversations that a judge is trained on by `sft`: both answers of each, with their verdicts. */
export function judgeConversations(
  pairs: readonly PreferencePair[],
  task: Task,
  style: JudgeStyle,
): ConversationSet['conversations'] {
  const marks = judgeMarks(task);
  return pairs.flatMap(({ problem, right, wrong }) =>
    [right, wrong].map((completion) => ({
      turns: [
        { role: 'user', content: judgeProblem(problem, completion, marks).prompt },
        { role: 'assistant', content: judgeReply(problem, completion, completion === right, style, marks) },
      ],
    })),
  );
}
