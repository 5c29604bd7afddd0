// Rules that an answer can be held to: an answer in a box, a format, brevity (arXiv:2412.19437 sec. 5.2.1, rule-based
// rewards).

import type { Task } from '../../evaluate/task.ts';
import { correct, type Reward } from './reward.ts';

/**
 * What stands in the last `\boxed{...}` of a text, braces inside it balanced; null without one.
 *
 * Example: `so \boxed{\frac{1}{2}}.` gives `\frac{1}{2}`.
 */
export function boxedAnswer(text: string): string | null {
  const opening = '\\boxed{';
  const start = text.lastIndexOf(opening);
  if (start === -1) return null;
  let depth = 1;
  for (let i = start + opening.length; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}') depth--;
    if (depth === 0) return text.slice(start + opening.length, i);
  }
  return null;
}

/** 1 for an answer whose last `\boxed{...}` is the right answer, spaces around it aside; 0 for others. */
export const boxed: Reward = (problem, completion) => Number(boxedAnswer(completion)?.trim() === problem.answer.trim());

/** 1 for an answer that the pattern matches as a whole, whatever it says; 0 for others. */
export function hasFormat(pattern: RegExp): Reward {
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ''));
  return (_, completion) => Number(whole.test(completion));
}

/** Minus the share that an answer takes of the tokens it may have, from 0 to -1; the shorter the better. */
export const brevity: Reward = (_, _completion, { tokens, maxTokens }) => -tokens / maxTokens;

/** What a right answer that takes all of its room loses. */
const fullRoom = 0.3;

/**
 * 1 for a right answer, less up to 0.3 for the share that it takes of the tokens it may have; 0 for others. Unlike the
 * sum of `correct` and `brevity` it never prefers a wrong answer for being short.
 */
export function concise(task: Pick<Task, 'isRight'>): Reward {
  const right = correct(task);
  return (problem, completion, answer) => {
    const worth = 1 - (fullRoom * answer.tokens) / answer.maxTokens;
    const share = right(problem, completion, answer);
    return typeof share === 'number' ? share * worth : share.then((found) => found * worth);
  };
}
