// What a judge reads and what it writes: a model that is shown a problem with an answer and says whether it is right.

import { UserError } from '../../../errors.ts';
import type { Problem, Task } from '../../../evaluate/task.ts';

/** Single characters. */
export interface JudgeMarks {
  /** Ends what the judge is shown. */
  readonly asks: string;
  /** The verdicts: the last character that a judge writes. */
  readonly good: string;
  readonly bad: string;
}

/** For a miniature that knows nothing but the characters of its task; and for any other model. */
const [inAlphabet, usual]: readonly JudgeMarks[] = [
  { asks: '?', good: 'a', bad: 'b' },
  { asks: '|', good: '+', bad: '-' },
];

/** The marks of judges of a task, which depend on its alphabet alone. */
export function judgeMarks({ alphabet = '' }: Pick<Task, 'alphabet'>): JudgeMarks {
  return Object.values(inAlphabet!).every((mark) => alphabet.includes(mark)) ? inAlphabet! : usual!;
}

/** How a judge comes to its verdict: it writes a solution of its own first, or it answers at once. */
export type JudgeStyle = 'thinks' | 'at-once';

/** What a judge is asked: `0b*bb*aa:2791890=0?`. */
export function judgeProblem({ prompt }: Problem, completion: string, { asks }: JudgeMarks): Problem {
  return { prompt: `${prompt}${completion}${asks}`, answer: '' };
}

/**
 * What a judge is to write.
 *
 * One that thinks writes its own solution, then the last character of the answer that it was shown, then the verdict,
 * so that the two things to be compared stand side by side: `2791890=0` `0` `a`. Without that repetition a miniature
 * got 70 % of pairs right, as comparing two distant digits is a parity.
 *
 * @throws {UserError} for a problem without solutions, where the judge is to think.
 */
export function judgeReply(
  problem: Problem,
  completion: string,
  isRight: boolean,
  style: JudgeStyle,
  marks: JudgeMarks,
) {
  const verdict = isRight ? marks.good : marks.bad;
  if (style === 'at-once') return verdict;
  const solutions = problem.solutions ?? {};
  const solution = solutions.steps ?? Object.values(solutions)[0];
  if (solution !== undefined) return `${solution}${Array.from(completion).at(-1) ?? marks.asks}${verdict}`;
  throw new UserError(
    `judge: the problem ${JSON.stringify(problem.prompt)} has no solution to think with; let the judge answer at once, ` +
      'or give the task solutions',
  );
}
