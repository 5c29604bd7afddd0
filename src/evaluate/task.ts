// What a task is: problems and the rule that tells a right answer. Plain text; nothing here knows of models.

import type { Random } from '../data/random.ts';
import type { UnitTest } from './unit-tests.ts';

/** One thing to be asked. */
export interface Problem {
  /** What the model continues, as text. */
  readonly prompt: string;
  /** The right answer as `isRight` compares it: a number, a word, not the way to it. */
  readonly answer: string;
  /** Whole continuations to learn from, by kind: `direct`, `steps`. Absent where there is only the answer. */
  readonly solutions?: Readonly<Record<string, string>>;
  /** Continuations of which `answer` is one, for tasks in which a model chooses and does not write. */
  readonly choices?: readonly string[];
  /** What a program that answers must return; `answer` is these results as JSON then. */
  readonly tests?: readonly UnitTest[];
  /** What results are broken down by: `{ length: 512, depth: 0.25 }`. */
  readonly traits?: Readonly<Record<string, number | string>>;
}

/** A source of problems with a verifier. */
export interface Task {
  /** What the command line calls it, options included. */
  readonly name: string;
  /** A sentence: what is asked and what a right answer is. */
  readonly description: string;
  /** The characters of its prompts and solutions, for the tokenizer `chars`; absent where they are not known. */
  readonly alphabet?: string;
  /** The problems, where there is a fixed list of them; absent for a generator. */
  readonly problems?: readonly Problem[];
  /** Text that ends an answer, besides the end token: a line break where a base model writes line after line. */
  readonly stop?: string;
  /** Tokens after which an answer is whole, where nothing ends it; absent: an end token or `stop` does. */
  readonly answerTokens?: number;
  /** The next problem, a function of `random` alone. */
  problem(random: Random): Problem;
  /** What a continuation gives as its answer; null for one that is not in the format. Absent: no format is checked. */
  answerOf?(completion: string): string | null;
  /**
   * Whether a continuation answers the problem; it ended by itself, or at the longest allowed length. A promise where
   * that takes a process of its own, such as for the tests of a program.
   */
  isRight(problem: Problem, completion: string): boolean | Promise<boolean>;
}
