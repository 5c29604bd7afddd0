// A model as a reward: a judge reads a problem with an answer, and its probability of "good" is what the answer is
// worth (arXiv:2412.19437 sec. 5.2.1, model-based rewards).

import { createRandom } from '../../../data/random.ts';
import type { Tokenizer } from '../../../data/types.ts';
import { nextTurn } from '../../../event-loop.ts';
import { documentPrompt, endTokens, type PromptEncoder } from '../../../evaluate/evaluate-task.ts';
import type { Problem, Task } from '../../../evaluate/task.ts';
import { type SampledAnswer, sampleBatch } from '../../../generate/batch/sample-batch.ts';
import type { DeepseekV3ForCausalLM } from '../../../model/causal-lm.ts';
import type { Reward } from '../reward.ts';
import { judgeMarks, judgeProblem } from './judge-text.ts';
import type { PreferencePair } from './pairs.ts';

/** A model that was trained on `judgeConversations`. It belongs to the caller. */
export interface Judge {
  readonly model: DeepseekV3ForCausalLM;
  readonly tokenizer: Tokenizer;
  /** How what it is shown becomes tokens. Default: `documentPrompt`. */
  readonly encode?: PromptEncoder;
  readonly task: Task;
  /**
   * How many replies it gives to an answer, drawn at temperature 1, each of which is a vote (arXiv:2412.19437 sec.
   * 5.4.2). Absent: one reply, the most likely.
   */
  readonly votes?: number;
}

/** An answer to be judged. */
export interface CandidateAnswer {
  readonly problem: Problem;
  readonly completion: string;
}

/**
 * The probability of "good" that the judge gives to each answer. The last token of a reply before its end is the
 * verdict, and the probability with which it was written counts for good or against it. A reply that does not end, or
 * ends with no verdict, is worth 0, and so is an answer that does not fit into the judge's context. A judge that votes
 * gives the share of its replies whose verdict is good, and draws the same for the same list of answers.
 *
 * @throws {UserError} when `votes` is not a whole number from 1 on.
 */
export async function judgeAnswers(judge: Judge, answers: readonly CandidateAnswer[]): Promise<number[]> {
  const { model, tokenizer, task, encode = documentPrompt(tokenizer), votes } = judge;
  const marks = judgeMarks(task);
  const room = model.config.maxPositionEmbeddings;
  const all: (readonly number[])[] = [];
  for (const { problem, completion } of answers) all.push(await encode(judgeProblem(problem, completion, marks)));
  const prompts = all.filter(({ length }) => length < room);
  const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
  const replies = await sampleBatch(model, prompts, {
    ...(votes === undefined ? { temperature: 0 } : { temperature: 1, n: votes }),
    maxNewTokens: Math.max(1, room - longest),
    random: createRandom('judge'),
    endTokenIds: endTokens(tokenizer),
  });
  const goodness = ({ ids, logps, ended }: SampledAnswer): number => {
    if (!ended || ids.length < 2) return 0;
    const verdict = tokenizer.decode([ids.at(-2)!]);
    if (votes !== undefined) return Number(verdict.endsWith(marks.good));
    const probability = Math.exp(logps.at(-2)!);
    if (verdict.endsWith(marks.good)) return probability;
    return verdict.endsWith(marks.bad) ? 1 - probability : 0;
  };
  const scores = replies.map((ofAnswer) => sumOf(ofAnswer.map(goodness)) / ofAnswer.length);
  let next = 0;
  return all.map(({ length }) => (length < room ? scores[next++]! : 0));
}

/**
 * The judge as a reward. Answers that are asked about in the same turn of the event loop, such as those of a step, are
 * judged together.
 */
export function judgeReward(judge: Judge | (() => Promise<Judge>)): Reward {
  let waiting: CandidateAnswer[] = [];
  let scores: Promise<number[]> | null = null;
  const scoreAll = async (): Promise<number[]> => {
    await nextTurn();
    const answers = waiting;
    waiting = [];
    scores = null;
    return judgeAnswers(typeof judge === 'function' ? await judge() : judge, answers);
  };
  return async (problem, completion, { ended }) => {
    if (!ended) return 0;
    const at = waiting.push({ problem, completion }) - 1;
    scores ??= scoreAll();
    return (await scores)[at]!;
  };
}

/** The share of pairs in which the judge prefers the right answer; a tie counts half. */
export async function pairsRight(judge: Judge, pairs: readonly PreferencePair[]): Promise<number> {
  const { right, wrong } = await judgePairs(judge, pairs);
  return sumOf(right.map((score, i) => point(score - wrong[i]!))) / pairs.length;
}

/** The share of answers on which the judge's verdict is the truth, taken one by one; a tie of votes counts half. */
export async function verdictsRight(judge: Judge, pairs: readonly PreferencePair[]): Promise<number> {
  const { right, wrong } = await judgePairs(judge, pairs);
  const points = [...right.map((score) => point(score - 0.5)), ...wrong.map((score) => point(0.5 - score))];
  return sumOf(points) / points.length;
}

async function judgePairs(judge: Judge, pairs: readonly PreferencePair[]) {
  const shown = (side: 'right' | 'wrong') => pairs.map((pair) => ({ problem: pair.problem, completion: pair[side] }));
  return { right: await judgeAnswers(judge, shown('right')), wrong: await judgeAnswers(judge, shown('wrong')) };
}

const point = (lead: number): number => (Math.sign(lead) + 1) / 2;

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
