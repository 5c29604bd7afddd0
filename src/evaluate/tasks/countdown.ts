// Countdown: make a number out of others. There are many right answers, so the verifier computes what was written.

import type { Random } from '../../data/random.ts';
import { afterEquals, defineTask } from '../task-kind.ts';

/** An expression in full brackets, and its value. */
interface Expression {
  readonly text: string;
  readonly value: number;
}

const operators = ['+', '-', '*'] as const;

function join({ text: a, value: x }: Expression, { text: b, value: y }: Expression, operator: string): Expression {
  const value = operator === '+' ? x + y : operator === '-' ? x - y : x * y;
  return { text: `(${a}${operator}${b})`, value };
}

/** Joins two of the expressions at a time until one is left; no value is negative. */
function combine(numbers: readonly number[], random: Random): Expression {
  const left: Expression[] = numbers.map((value) => ({ text: String(value), value }));
  while (left.length > 1) {
    const [a] = left.splice(random.below(left.length), 1);
    const [b] = left.splice(random.below(left.length), 1);
    const [larger, smaller] = a!.value >= b!.value ? [a!, b!] : [b!, a!];
    left.push(join(larger, smaller, operators[random.below(operators.length)]!));
  }
  return left[0]!;
}

/**
 * The value of an expression of whole numbers, `+`, `-`, `*` and brackets, and the numbers in it; null for anything
 * else.
 */
export function readExpression(text: string): { readonly value: number; readonly numbers: readonly number[] } | null {
  const tokens = text.match(/\d+|[-+*()]/g) ?? [];
  if (tokens.join('') !== text.replaceAll(' ', '')) return null;
  const numbers: number[] = [];
  let at = 0;
  const factor = (depth: number): number => {
    const token = tokens[at++];
    if (token === '(' && depth < 100) {
      const value = sum(depth + 1);
      return tokens[at++] === ')' ? value : Number.NaN;
    }
    if (token === undefined || !/^\d{1,9}$/.test(token)) return Number.NaN;
    numbers.push(Number(token));
    return Number(token);
  };
  const product = (depth: number): number => {
    let value = factor(depth);
    while (tokens[at] === '*') {
      at++;
      value *= factor(depth);
    }
    return value;
  };
  const sum = (depth: number): number => {
    let value = product(depth);
    while (tokens[at] === '+' || tokens[at] === '-') {
      const sign = tokens[at++] === '+' ? 1 : -1;
      value += sign * product(depth);
    }
    return value;
  };
  const value = sum(0);
  return at === tokens.length && Number.isFinite(value) ? { value, numbers } : null;
}

/** Whether the numbers are among those that are given, each as often at most. */
function usesOnly(numbers: readonly number[], given: readonly number[]): boolean {
  const left = [...given];
  return numbers.every((number) => {
    const at = left.indexOf(number);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Example: `3,5,2>13:` asks for 13 out of 3, 5 and 2; right are `=(5*2)+3` and `=3+(5*2)`. */
export const countdown = defineTask({
  name: 'countdown',
  description:
    'Numbers and a goal: right is an expression after the last "=" that has the value of the goal and uses each number ' +
    'at most once.',
  options: {
    numbers: { default: 3, min: 2, max: 6, help: 'numbers of a problem' },
    largest: { default: 9, min: 2, max: 99, help: 'the largest number' },
  },
  create: ({ numbers: count, largest }) => ({
    alphabet: '0123456789+-*()>,=:',
    problem: (random) => {
      const numbers = Array.from({ length: count }, () => 1 + random.below(largest));
      const { text, value } = combine(numbers, random);
      return { prompt: `${numbers.join(',')}>${value}:`, answer: String(value), solutions: { direct: `=${text}` } };
    },
    answerOf: afterEquals.answerOf,
    isRight: ({ prompt, answer }, completion) => {
      const found = readExpression(afterEquals.answerOf(completion) ?? '');
      if (found === null || found.numbers.length === 0) return false;
      const given = prompt.split('>')[0]!.split(',').map(Number);
      return found.value === Number(answer) && usesOnly(found.numbers, given);
    },
  }),
});
