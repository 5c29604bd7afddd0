// A model asked the problems of a task: it writes, and a rule says what is right.

import { createRandom } from '../data/random.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { type SampledAnswer, sampleBatch } from '../generate/batch/sample-batch.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { meanPassAtK, passInterval, type Tally } from './pass-at-k.ts';
import type { Problem, Task } from './task.ts';
import { verifyAll } from './verify.ts';

/** The ids that a model is asked a problem with. */
export type PromptEncoder = (problem: Problem) => readonly number[] | Promise<readonly number[]>;

export interface TaskEvaluation {
  readonly problems: readonly Problem[];
  /** Answers to each problem. Default 1. */
  readonly samples?: number;
  /** Default: 0, the most likely token every time, for one sample; 1, the model as it is, for more. */
  readonly temperature?: number;
  /** Where chance comes from. Default 0. */
  readonly seed?: number;
  /** Tokens of an answer, its end included. Default: those of the longest solution, and half as many again. */
  readonly maxNewTokens?: number;
  /** Default: `documentPrompt`. */
  readonly prompt?: PromptEncoder;
  /** Is told how many problems are done. */
  readonly onProgress?: (done: number, of: number) => void;
  /** Ends the evaluation early, without a result. */
  readonly signal?: AbortSignal | undefined;
}

/** How a model did. Shares are from 0 to 1. */
export interface TaskResult {
  /** Probability that one answer is right: the mean over problems. */
  readonly passAt1: number;
  /** Probability that at least one of `k` answers is right, without bias. */
  readonly passAtK: number;
  /** Answers to each problem. */
  readonly k: number;
  /** 95 % interval of `passAt1`: see `passInterval`. */
  readonly interval: readonly [low: number, high: number];
  /** Mean number of tokens of an answer, its end included. */
  readonly meanLength: number;
  /** Share of the answers that ended by themselves. */
  readonly ended: number;
  /** Share of the answers in the format of the task. */
  readonly formatted: number;
  readonly problems: number;
  readonly temperature: number;
  /** `passAt1` by each value of each trait of the problems, and how many had it; absent without traits. */
  readonly byTrait?: TraitShares;
  /** The first answers, for people. */
  readonly examples: readonly { readonly prompt: string; readonly completion: string; readonly isRight: boolean }[];
}

/** By the name of a trait: its values in the order of their sizes or letters. */
export type TraitShares = Readonly<
  Record<string, readonly (readonly [value: number | string, passAt1: number, problems: number])[]>
>;

const shownExamples = 4;
/** Tokens of an answer where the task has no solutions to go by. */
const unknownLength = 64;
/** Problems between two reports of progress. */
const problemsAtOnce = 128;

/**
 * A problem as a base model is asked it: at the beginning of a document, after the token that ended the one before. A
 * system prompt stands directly before the problem.
 */
export function documentPrompt(tokenizer: Tokenizer, system = ''): PromptEncoder {
  const start = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  return ({ prompt }) => [...start, ...tokenizer.encode(`${system}${prompt}`)];
}

/**
 * Lets a model answer problems, many at once, and counts. An answer that did not come to an end is not right. The model
 * does not change; the same weights, problems and seed give the same answers.
 *
 * @throws UserError for a verifier that throws or does not end, and for problems and answers that do not fit the
 * context. Null when `signal` ended it.
 */
export async function evaluateTask(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  task: Task,
  options: TaskEvaluation,
): Promise<TaskResult | null> {
  const { problems, samples = 1, seed = 0, prompt = documentPrompt(tokenizer), signal, onProgress } = options;
  const { temperature = samples === 1 ? 0 : 1 } = options;
  if (problems.length === 0) throw new UserError(`task: ${task.name} has no problems to measure on; give it some`);
  const maxNewTokens = options.maxNewTokens ?? task.answerTokens ?? answerLength(tokenizer, problems);
  const random = createRandom('answers', task.name, seed);
  const found: Answer[][] = [];
  for (let start = 0; start < problems.length; start += problemsAtOnce) {
    if (signal?.aborted) return null;
    const asked = problems.slice(start, start + problemsAtOnce);
    const prompts: (readonly number[])[] = [];
    for (const problem of asked) prompts.push(await prompt(problem));
    const settings = { n: samples, temperature, random, maxNewTokens, endTokenIds: endTokens(tokenizer) };
    const answers = await sampleBatch(model, prompts, settings);
    const read = (i: number) => (answer: SampledAnswer) => readAnswer(answer, asked[i]!, task, tokenizer);
    found.push(...answers.map((group, i) => group.map(read(i))));
    onProgress?.(found.length, problems.length);
  }
  return { ...(await count(task, found)), temperature };
}

interface Answer {
  readonly problem: Problem;
  readonly text: string;
  readonly length: number;
  readonly ended: boolean;
}

/** The text of an answer, up to where the task says that it ends. */
function readAnswer({ ids, ended }: SampledAnswer, problem: Problem, task: Task, tokenizer: Tokenizer): Answer {
  const { stop, answerTokens } = task;
  if (answerTokens !== undefined && ids.length >= answerTokens)
    return { problem, text: tokenizer.decode(ids.slice(0, answerTokens)), length: answerTokens, ended: true };
  const text = tokenizer.decode(ids);
  const end = stop === undefined ? -1 : text.indexOf(stop);
  if (end < 0) return { problem, text, length: ids.length, ended };
  return { problem, text: text.slice(0, end), length: tokenizer.encode(text.slice(0, end)).length + 1, ended: true };
}

async function count(task: Task, groups: readonly (readonly Answer[])[]): Promise<Omit<TaskResult, 'temperature'>> {
  const answers = groups.flat();
  const judged = await verifyAll(
    task,
    answers.map(({ problem, text }) => ({ problem, completion: text })),
  );
  const k = groups[0]?.length ?? 0;
  const isRight = (i: number) => judged[i]!.isRight && answers[i]!.ended;
  const tallies = groups.map((group, i) => {
    return { samples: group.length, right: group.filter((_, n) => isRight(i * k + n)).length };
  });
  const share = (holds: (i: number) => boolean) => answers.filter((_, i) => holds(i)).length / answers.length;
  return {
    passAt1: meanPassAtK(tallies, 1),
    passAtK: meanPassAtK(tallies, k),
    k,
    interval: passInterval(tallies),
    meanLength: answers.reduce((sum, { length }) => sum + length, 0) / answers.length,
    ended: share((i) => answers[i]!.ended),
    formatted: share((i) => judged[i]!.isFormatted),
    problems: groups.length,
    ...byTrait(
      groups.map(([first]) => first!.problem),
      tallies,
    ),
    examples: groups.slice(0, shownExamples).map(([first], i) => {
      return { prompt: first!.problem.prompt, completion: first!.text, isRight: isRight(i * k) };
    }),
  };
}

function byTrait(problems: readonly Problem[], tallies: readonly Tally[]): Pick<TaskResult, 'byTrait'> {
  const names = [...new Set(problems.flatMap(({ traits = {} }) => Object.keys(traits)))];
  if (names.length === 0) return {};
  const shares = names.map((name) => {
    const groups = new Map<number | string, Tally[]>();
    for (const [i, { traits = {} }] of problems.entries()) {
      const value = traits[name];
      if (value !== undefined) groups.set(value, [...(groups.get(value) ?? []), tallies[i]!]);
    }
    const rows = [...groups].sort(([a], [b]) =>
      typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : 1,
    );
    return [name, rows.map(([value, own]) => [value, meanPassAtK(own, 1), own.length] as const)] as const;
  });
  return { byTrait: Object.fromEntries(shares) };
}

/** Tokens that end an answer. */
export function endTokens({ eosTokenId, endTokenIds }: Tokenizer): readonly number[] {
  return endTokenIds ?? (eosTokenId === null ? [] : [eosTokenId]);
}

/** The room for an answer: tokens of the longest solution and half as many again. */
export function answerLength(tokenizer: Tokenizer, problems: readonly Problem[]): number {
  const solutions = problems.flatMap(({ solutions }) => Object.values(solutions ?? {}));
  const longest = solutions.reduce((most, text) => Math.max(most, tokensOf(text, tokenizer)), 0);
  return longest === 0 ? unknownLength : Math.ceil(1.5 * (longest + 1));
}

/** Tokens of a text; its characters, where it has some that the tokenizer does not know. */
function tokensOf(text: string, tokenizer: Tokenizer): number {
  try {
    return tokenizer.encode(text).length;
  } catch (error) {
    if (error instanceof UserError) return Array.from(text).length;
    throw error;
  }
}
