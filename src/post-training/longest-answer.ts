// How many tokens an answer needs, from the solutions that a task knows.

import { createRandom } from '../data/random.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { trainingProblem } from '../evaluate/split.ts';
import type { Problem, Task } from '../evaluate/task.ts';

/** Problems that are looked at for lengths, which may differ from one to the next. */
const lookedAt = 256;

export function someProblems(task: Task): Problem[] {
  return Array.from({ length: lookedAt }, (_, i) => trainingProblem(task, createRandom('lengths', i)));
}

/**
 * Tokens of the longest solution, and the end token.
 *
 * @throws {UserError} for a task without solutions.
 */
export function longestAnswer(task: Task, tokenizer: Tokenizer): number {
  const solutions = someProblems(task).flatMap(({ solutions = {} }) => Object.values(solutions));
  if (solutions.length === 0) {
    throw new UserError(
      `task: ${task.name} has no solutions to tell how long an answer may be; give maxNewTokens (--max-new-tokens N)`,
    );
  }
  return Math.max(...solutions.map((solution) => tokenizer.encode(solution).length)) + 1;
}
