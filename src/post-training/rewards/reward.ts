// What an answer is worth. A reward is a function that anybody writes; here is what it is given, and how many answers
// are scored by it without it spoiling the run.

import { host } from '../../data/host.ts';
import { UserError } from '../../errors.ts';
import type { Problem, Task } from '../../evaluate/task.ts';

/** What an answer says. */
export interface Voter {
  /** The text after the prompt, without the end token. */
  readonly completion: string;
  /** Whether it ended by itself, and was not cut off. */
  readonly ended: boolean;
}

/** An answer to a problem, as a reward sees it. */
export interface Answer extends Voter {
  readonly problem: Problem;
  /** Tokens of the answer, the end token included, and the most it may have. */
  readonly tokens: number;
  readonly maxTokens: number;
  /** All answers to the same problem, this one included. */
  readonly group: readonly Voter[];
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

/** 1 for an answer that ended and that the verifier of the task calls right, 0 for others. */
export function correct(task: Pick<Task, 'isRight'>): Reward {
  return (problem, completion, { ended }) => {
    const isRight = ended && task.isRight(problem, completion);
    return typeof isRight === 'boolean' ? Number(isRight) : isRight.then(Number);
  };
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

/** Seconds that the answers of a step may be computed with together, and that each may be waited for. */
const limits = { compute: 20, wait: 60 };

/**
 * The rewards of answers, in their order.
 *
 * @throws {UserError} that shows the answer, when a reward is not a finite number, throws, is waited for too long, or
 * does not come to an end (in Node, which can end it).
 */
export async function scoreAnswers(reward: Reward, answers: readonly Answer[], seconds = limits): Promise<number[]> {
  const started: unknown[] = [];
  const done = host().withinSeconds(seconds.compute, () => {
    for (const answer of answers) started.push(attempt(reward, answer));
  });
  if (done === null) throw tooLong(answers[started.length], seconds.compute);
  const rewards: number[] = [];
  for (const [i, answer] of answers.entries()) {
    const value = started[i];
    rewards.push(checked(value instanceof Promise ? await waited(value, answer, seconds.wait) : value, answer));
  }
  return rewards;
}

async function waited(value: Promise<unknown>, answer: Answer, seconds: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeIsUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong(answer, seconds)), seconds * 1000);
  });
  try {
    return await Promise.race([value, timeIsUp]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLong(answer: Answer | undefined, seconds: number): UserError {
  const given = answer === undefined ? '' : `, given ${describe(answer)},`;
  return new UserError(
    `reward: the function${given} took more than ${seconds} seconds; let it come to an end, or give such an answer 0`,
  );
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
  if (error instanceof UserError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const message = `reward: the function threw ${JSON.stringify(reason)}, given ${describe(answer)}; correct it`;
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
