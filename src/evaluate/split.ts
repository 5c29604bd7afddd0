// Which problems of a task are for training and which for measuring: the prompt alone decides, so no problem that is
// measured was ever trained on, whatever the seeds.

import { createRandom, hash32, type Random } from '../data/random.ts';
import { UserError } from '../errors.ts';
import type { Problem, Task } from './task.ts';

/** One problem in so many is held out. */
const heldOutEvery = 8;
/** Draws without a new problem after which a task is said to have too few. */
const maxDraws = 10_000;

/** Whether a problem is for measuring only. */
export function isHeldOut({ prompt }: Problem): boolean {
  return hash32('held out', prompt) % heldOutEvery === 0;
}

/**
 * The next problem for training.
 *
 * @throws UserError for a task whose problems are all held out.
 */
export function trainingProblem(task: Task, random: Random): Problem {
  for (let draw = 0; draw < maxDraws; draw++) {
    const problem = task.problem(random);
    if (!isHeldOut(problem)) return problem;
  }
  throw new UserError(`task: ${task.name} has no problems to train on; give it more (a larger size, or more lines)`);
}

/**
 * Different problems for training, the same for the same seed; fewer where there are no more. Of a task with a list of
 * problems: those of the list that are not held out.
 */
export function trainingProblems(task: Task, count: number, seed: number): readonly Problem[] {
  if (task.problems !== undefined) return task.problems.filter((problem) => !isHeldOut(problem)).slice(0, count);
  return differentProblems(
    task,
    count,
    createRandom('training problems', task.name, seed),
    (found) => !isHeldOut(found),
  );
}

/**
 * Different problems for measuring, the same for the same seed. Of a task with a list of problems: those of the list
 * that are held out.
 *
 * @throws UserError for a task that generates fewer.
 */
export function heldOutProblems(task: Task, count: number, seed = 0): readonly Problem[] {
  const found = someHeldOut(task, count, seed);
  if (found.length === count || task.problems !== undefined) return found;
  throw new UserError(
    `task: ${task.name} has only ${found.length} problems to measure on, and ${count} were asked for; ask for ` +
      `${Math.max(found.length, 1)}, or make the problems larger`,
  );
}

/** The same, or fewer where there are no more. */
export function someHeldOut(task: Task, count: number, seed = 0): readonly Problem[] {
  if (task.problems !== undefined) return task.problems.filter(isHeldOut).slice(0, count);
  return differentProblems(task, count, createRandom('held-out problems', task.name, seed), isHeldOut);
}

/** Problems with different prompts, up to `count`, until new ones are no longer found. */
function differentProblems(
  task: Task,
  count: number,
  random: Random,
  isWanted: (problem: Problem) => boolean,
): Problem[] {
  const found = new Map<string, Problem>();
  for (let drawsInVain = 0; found.size < count && drawsInVain < maxDraws; drawsInVain++) {
    const problem = task.problem(random);
    if (!isWanted(problem) || found.has(problem.prompt)) continue;
    found.set(problem.prompt, problem);
    drawsInVain = 0;
  }
  return [...found.values()];
}
