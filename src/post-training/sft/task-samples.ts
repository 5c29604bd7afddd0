// Samples made from a task: a problem with one of its solutions, with or without a system prompt.
//
// The report makes two kinds of samples of each problem (section 5.1): the problem with its original answer, and a
// system prompt that asks to reflect and check, the problem, and a long answer. Here the kinds are solutions of the
// task, and each has a share.

import { createRandom } from '../../data/random.ts';
import type { Turn } from '../../data/transcript.ts';
import { UserError } from '../../errors.ts';
import { someHeldOut, trainingProblem } from '../../evaluate/split.ts';
import type { Problem, Task } from '../../evaluate/task.ts';

/** A kind of sample. */
export interface SolutionShare {
  /** Which of the task's solutions is the answer. */
  readonly solution: string;
  /** The system prompt that comes first; null without one. */
  readonly system: string | null;
  /** How many of the samples, relative to the other kinds. */
  readonly share: number;
}

/**
 * Reads `steps`, or several kinds with shares: `steps@system:0.5,direct:0.475,steps:0.025`. `@system` puts `system`
 * before the problem, and `@` with any other text that text: `direct@;`.
 *
 * @throws UserError for a share that is not a positive number.
 */
export function parseSolutions(spec: string, system: string): readonly SolutionShare[] {
  return spec.split(',').map((part) => {
    const [kind = '', text = '1', ...rest] = part.trim().split(':');
    const [solution = '', mark, ...more] = kind.split('@');
    const share = Number(text);
    const isWhole = solution !== '' && mark !== '' && rest.length === 0 && more.length === 0;
    if (isWhole && share > 0 && share < Number.POSITIVE_INFINITY) {
      return { solution, system: mark === 'system' ? system : (mark ?? null), share };
    }
    throw new UserError(
      `sft: solutions: expected kinds with shares, such as steps or steps@system:0.5,direct:0.5; found ${JSON.stringify(part)}`,
    );
  });
}

export interface TaskSamplesOptions {
  readonly task: Task;
  readonly solutions: readonly SolutionShare[];
  /** Samples for training. */
  readonly count: number;
  readonly seed: number;
}

const heldOutCount = 128;

/**
 * Conversations of a task: for training from problems that are never measured on, and held-out ones from those that
 * are. Sample `i` is a function of the seed and `i`.
 *
 * @throws UserError for a solution that the task does not have.
 */
export function taskSamples({ task, solutions, count, seed }: TaskSamplesOptions): {
  readonly train: readonly (readonly Turn[])[];
  readonly heldOut: readonly (readonly Turn[])[];
} {
  const total = solutions.reduce((sum, { share }) => sum + share, 0);
  const choose = (at: number): SolutionShare => {
    let left = at * total;
    for (const kind of solutions) {
      left -= kind.share;
      if (left < 0) return kind;
    }
    return solutions.at(-1)!;
  };
  const sample = (problem: Problem, at: number): Turn[] => {
    const { solution, system } = choose(at);
    return [
      ...(system !== null ? [{ role: 'system', content: system }] : []),
      { role: 'user', content: problem.prompt },
      { role: 'assistant', content: solutionOf(problem, solution, task) },
    ];
  };
  return {
    train: Array.from({ length: count }, (_, i) => {
      const random = createRandom(seed, 'sft', task.name, i);
      return sample(trainingProblem(task, random), random.next());
    }),
    heldOut: someHeldOut(task, heldOutCount).map((problem, i) =>
      sample(problem, createRandom('held-out kind', i).next()),
    ),
  };
}

/** The solution of that kind; `answer`, which every problem has, is the answer alone. */
function solutionOf({ solutions = {}, answer }: Problem, kind: string, task: Task): string {
  if (kind === 'answer') return answer;
  const text = Object.hasOwn(solutions, kind) ? solutions[kind] : undefined;
  if (text !== undefined) return text;
  const known = [...Object.keys(solutions), 'answer'];
  throw new UserError(`sft: the task ${task.name} has no solution ${JSON.stringify(kind)}; it has ${known.join(', ')}`);
}

/** The kind that is taken where none is named: all steps, or the first kind, or the answer alone. */
export function usualSolution(task: Task): string {
  const { solutions = {} } = trainingProblem(task, createRandom('usual solution'));
  return 'steps' in solutions ? 'steps' : (Object.keys(solutions)[0] ?? 'answer');
}
