// Runs the verifier of a task, which may be anybody's: it can throw, or never come back.

import { host } from '../data/host.ts';
import { UserError } from '../errors.ts';
import type { Problem, Task } from './task.ts';

/** A completion to be judged. */
export interface Attempt {
  readonly problem: Problem;
  readonly completion: string;
}

/** What a verifier says of a completion. */
export interface Judgement {
  readonly isRight: boolean;
  /** Whether it is in the format of the task; true where the task has none. */
  readonly isFormatted: boolean;
}

/** Seconds that the verifier has for all completions together, and for each; what it promises is waited for. */
const seconds = { all: 10, each: 0.01 };

/**
 * What the task says of each completion.
 *
 * @throws UserError that shows the completion at which the verifier threw, or took too long (in Node, which can end
 * it).
 */
export async function verifyAll(task: Task, attempts: readonly Attempt[]): Promise<Judgement[]> {
  const judged: { readonly isRight: boolean | Promise<boolean>; readonly isFormatted: boolean }[] = [];
  const limit = seconds.all + seconds.each * attempts.length;
  try {
    const done = host().withinSeconds(limit, () => {
      for (const { problem, completion } of attempts) {
        const isFormatted = task.answerOf === undefined || task.answerOf(completion) !== null;
        judged.push({ isRight: task.isRight(problem, completion), isFormatted });
      }
    });
    if (done !== null) {
      return await Promise.all(
        judged.map(async ({ isRight, isFormatted }) => ({ isRight: await isRight, isFormatted })),
      );
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${describe(task, attempts[judged.length])} threw an error: ${message}; mend it`, { cause });
  }
  throw new UserError(
    `${describe(task, attempts[judged.length])} took more than ${Math.ceil(limit)} seconds; it must come to an end`,
  );
}

function describe({ name }: Task, attempt: Attempt | undefined): string {
  const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  return `task: ${name}: the verifier, at the completion ${shown(attempt?.completion ?? '')} of ${shown(attempt?.problem.prompt ?? '')},`;
}
