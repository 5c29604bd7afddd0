// Programs to be written: right is whatever passes its unit tests, which run in a sandbox.

import { defineTask } from '../task-kind.ts';
import { passesTests } from '../unit-tests.ts';

interface Operation {
  readonly name: string;
  readonly compute: (x: number) => number;
  /** What it makes of an expression. */
  readonly write: (x: string) => string;
}

const operations: readonly Operation[] = [
  { name: 'd', compute: (x) => x * 2, write: (x) => `${x}*2` },
  { name: 'i', compute: (x) => x + 1, write: (x) => `${x}+1` },
  { name: 's', compute: (x) => x * x, write: (x) => `${x}*${x}` },
  { name: 'n', compute: (x) => 0 - x, write: (x) => `0-${x}` },
];

/** What a program is called with; no two problems of usual size agree on all of them by chance. */
const inputs = [0, 1, 2, 3, -4];

/**
 * Operations on a number as a function: `d` doubles, `i` adds 1, `s` squares, `n` negates.
 *
 * Example: the prompt `di:` has the solutions `x=>{x=x*2;x=x+1;return x}` (`steps`) and `x=>(x*2)+1` (`direct`); any
 * other function that returns the same is right as well. The answer of a problem is what must be returned for 0, 1, 2,
 * 3 and -4.
 */
export const program = defineTask({
  name: 'program',
  description:
    'Operations on a number, to be written as a function in JavaScript: d doubles, i adds 1, s squares, n negates; ' +
    'right is a program that passes its unit tests.',
  options: { operations: { default: 3, min: 1, max: 8, help: 'operations of a problem' } },
  create: ({ operations: count }) => ({
    alphabet: 'disnx=>{}();*+-0123456789return :',
    problem: (random) => {
      const chosen = Array.from({ length: count }, () => operations[random.below(operations.length)]!);
      const results = inputs.map((input) => chosen.reduce((x, { compute }) => compute(x), input));
      const direct = chosen.reduce((x, { write }) => write(x === 'x' ? x : `(${x})`), 'x');
      return {
        prompt: `${chosen.map(({ name }) => name).join('')}:`,
        answer: JSON.stringify(results),
        solutions: {
          direct: `x=>${direct}`,
          steps: `x=>{${chosen.map(({ write }) => `x=${write('x')};`).join('')}return x}`,
        },
      };
    },
    isRight: ({ answer }, completion) => {
      const results: readonly number[] = JSON.parse(answer);
      return passesTests(
        completion,
        inputs.map((input, i) => ({ args: [input], result: results[i] })),
      );
    },
  }),
});
