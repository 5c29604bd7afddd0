// Rejection sampling: several answers of a model to each problem, of which the right ones are kept.

import { createRandom } from '../../data/random.ts';
import type { Turn } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { answerLength, documentPrompt, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import type { Problem, Task } from '../../evaluate/task.ts';
import { verifyAll } from '../../evaluate/verify.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { type Rollout, rollOut } from '../rollouts/rollouts.ts';

/** An answer with what the verifier says of it; one that did not end is not right. */
export interface JudgedAnswer extends Rollout {
  readonly isRight: boolean;
}

export interface SampleAnswersOptions {
  readonly problems: readonly Problem[];
  /** Answers to each problem. Default 4. */
  readonly samples?: number;
  /** Default 1. */
  readonly temperature?: number;
  /** Tokens of an answer, its end included. Default: those of the longest solution, and half as many again. */
  readonly maxNewTokens?: number;
  /** Where chance comes from. Default 0. */
  readonly seed?: number;
  /** Default: `documentPrompt`. */
  readonly prompt?: PromptEncoder;
  /** Is told how many problems are done. */
  readonly onProgress?: (done: number, of: number) => void;
  /** Ends the sampling early, without a result. */
  readonly signal?: AbortSignal | undefined;
}

/** Problems between two reports of progress. */
const problemsAtOnce = 128;

/**
 * Answers to each problem, by problem. The same weights, problems and seed give the same answers.
 *
 * @throws {UserError} for a verifier that throws or does not end, and for problems and answers that do not fit the
 * context. Null when `signal` ended it.
 */
export async function sampleAnswers(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  task: Task,
  options: SampleAnswersOptions,
): Promise<JudgedAnswer[][] | null> {
  const { problems, samples = 4, temperature = 1, seed = 0, prompt = documentPrompt(tokenizer) } = options;
  if (problems.length === 0) throw new UserError(`task: ${task.name} has no problems to answer; give it some`);
  const maxNewTokens = options.maxNewTokens ?? answerLength(tokenizer, problems);
  const random = createRandom('sampled answers', task.name, seed);
  const found: JudgedAnswer[][] = [];
  for (let start = 0; start < problems.length; start += problemsAtOnce) {
    if (options.signal?.aborted) return null;
    const asked = problems.slice(start, start + problemsAtOnce);
    const groups = await rollOut(model, tokenizer, asked, prompt, {
      task,
      group: samples,
      temperature,
      maxNewTokens,
      random,
    });
    for (const group of groups) {
      const judged = await verifyAll(task, group);
      found.push(group.map((answer, i) => ({ ...answer, isRight: answer.ended && judged[i]!.isRight })));
    }
    options.onProgress?.(found.length, problems.length);
  }
  return found;
}

/** Which right answers to a problem are kept: the shortest one, or all that differ. */
export type KeepRule = 'shortest' | 'right';

/**
 * The right answers, by the order of problems; of equally short ones the first.
 *
 * Source: arXiv:2412.19437 section 5.1: rejection sampling from the expert keeps what is right and concise.
 */
export function keepAnswers(groups: readonly (readonly JudgedAnswer[])[], keep: KeepRule): JudgedAnswer[] {
  return groups.flatMap((group) => {
    const right = group.filter(({ isRight }) => isRight).toSorted((a, b) => a.tokens - b.tokens);
    if (keep === 'shortest') return right.slice(0, 1);
    return right.filter(({ completion }, i) => right.findIndex((other) => other.completion === completion) === i);
  });
}

/** What sampling found: numbers for a report. Shares are from 0 to 1, lengths in tokens with the end token. */
export interface SamplingSummary {
  readonly problems: number;
  /** Answers to each problem. */
  readonly samples: number;
  /** Share of the answers that are right. */
  readonly right: number;
  /** Share of the problems with a right answer. */
  readonly solved: number;
  readonly meanLength: number;
  /** Answers that were kept, and their mean length; 0 where there are none. */
  readonly kept: number;
  readonly keptLength: number;
}

export function summarizeSampling(
  groups: readonly (readonly JudgedAnswer[])[],
  kept: readonly JudgedAnswer[],
): SamplingSummary {
  const all = groups.flat();
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return {
    problems: groups.length,
    samples: groups[0]?.length ?? 0,
    right: mean(all.map(({ isRight }) => Number(isRight))),
    solved: mean(groups.map((group) => Number(group.some(({ isRight }) => isRight)))),
    meanLength: mean(all.map(({ tokens }) => tokens)),
    kept: kept.length,
    keptLength: mean(kept.map(({ tokens }) => tokens)),
  };
}

/** A kept answer as a conversation to learn from. A system prompt that it was asked with is not part of it. */
export function conversationOf({ problem, completion }: Pick<JudgedAnswer, 'problem' | 'completion'>): readonly Turn[] {
  return [
    { role: 'user', content: problem.prompt },
    { role: 'assistant', content: completion },
  ];
}
