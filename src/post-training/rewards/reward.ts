// What an answer is worth. A reward is a function that anybody writes; here is what it is given, and how many answers
// are scored by it without it spoiling the run.

import { UserError } from '../../errors.ts';
import type { Problem, Task } from '../../evaluate/task.ts';

/** An answer to a problem, as a reward sees it. */
export interface Answer {
  readonly problem: Problem;
  /** The text after the prompt, without the end token. */
  readonly completion: string;
  /** Whether it ended by itself, and was not cut off. */
  readonly ended: boolean;
  /** Tokens of the answer, the end token included, and the most it may have. */
  readonly tokens: number;
  readonly maxTokens: number;
}

/**
 * A number for an answer: more is better, and only differences between answers to the same problem count.
 *
 * Example, in a file for `--reward`:
 *
 * ```ts
 * export default (problem, completion) => (completion.endsWith(`=${problem.answer}`) ? 1 : 0);
 * ```
 */
export type Reward = (problem: Problem, completion: string, answer: Answer) => number | Promise<number>;

/** Limits of time; at one of them an error is thrown that begins with `what`. */
export interface TimeLimit {
  /** What `work` returns. */
  compute<T>(what: () => string, work: () => T): T;
  /** What `waiting` resolves to. */
  wait<T>(what: () => string, waiting: Promise<T>): Promise<T>;
}

const noLimit: TimeLimit = { compute: (_, work) => work(), wait: (_, waiting) => waiting };

/** 1 for an answer that ended and that the verifier of the task calls right, 0 for others. */
export function correct(task: Pick<Task, 'isRight'>): Reward {
  return (problem, completion, { ended }) => Number(ended && task.isRight(problem, completion));
}

/** The sum of several rewards, each times its weight. */
export function sumOfRewards(parts: readonly (readonly [reward: Reward, weight: number])[]): Reward {
  return (problem, completion, answer) => {
    const values = parts.map(([reward]) => reward(problem, completion, answer));
    const sum = (numbers: readonly number[]) => numbers.reduce((total, value, i) => total + value * parts[i]![1], 0);
    // A promise would be waited for outside the limit of what is computed.
    return values.every((value) => typeof value === 'number') ? sum(values) : Promise.all(values).then(sum);
  };
}

/**
 * The rewards of answers, in their order.
 *
 * @throws {UserError} that shows the answer, when a reward is not a finite number, throws, or takes longer than `limit`
 * allows.
 */
export async function scoreAnswers(
  reward: Reward,
  answers: readonly Answer[],
  limit: TimeLimit = noLimit,
): Promise<number[]> {
  let current: Answer | undefined;
  const what = () => `reward: the function${current === undefined ? '' : `, given ${describe(current)},`}`;
  const started = limit.compute(what, () =>
    answers.map((answer) => {
      current = answer;
      return attempt(reward, answer);
    }),
  );
  current = undefined;
  const rewards: number[] = [];
  for (const [i, answer] of answers.entries()) {
    current = answer;
    const value = started[i]!;
    rewards.push(checked(value instanceof Promise ? await limit.wait(what, value) : value, answer));
  }
  return rewards;
}

/** What the function returns, or the promise of it; an error of its own becomes one for the user. */
function attempt(reward: Reward, answer: Answer): unknown {
  try {
    const value: unknown = reward(answer.problem, answer.completion, answer);
    if (!(value instanceof Promise)) return value;
    const explained = value.catch((error: unknown) => Promise.reject(explain(error, answer)));
    explained.catch(() => {}); // thrown when its turn comes
    return explained;
  } catch (error) {
    throw explain(error, answer);
  }
}

function explain(error: unknown, answer: Answer): unknown {
  // The limit of time ends the function by an error, which is not one of its own.
  if (error instanceof UserError || !(error instanceof Error) || Reflect.get(error, 'code') !== undefined) return error;
  const message = `reward: the function threw ${JSON.stringify(error.message)}, given ${describe(answer)}; correct it`;
  return new UserError(message, { cause: error });
}

function checked(reward: unknown, answer: Answer): number {
  if (typeof reward === 'number' && Number.isFinite(reward)) return reward;
  throw new UserError(
    `reward: expected a finite number, found ${String(reward)}, given ${describe(answer)}; ` +
      'let the function return a number for every answer, such as 0 for one that it cannot read',
  );
}

function describe({ problem, completion }: Answer): string {
  const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  return `the answer ${shown(completion)} to ${shown(problem.prompt)}`;
}
