// Sums and products of whole numbers, at once or with written steps.

import type { Random } from '../../data/random.ts';
import { afterEquals, defineTask } from '../task-kind.ts';

const digits = '0123456789';

/** A number of 1 to `length` digits, each length as often as the others. */
function number(random: Random, length: number): number {
  return random.below(10 ** (1 + random.below(length)));
}

/** The digits from the last one on. */
const reversed = (value: number): number[] => Array.from(String(value), Number).reverse();

/** Column by column from the right, with the carry: `7+5=12,4+8+1=13,3+0+1=4`. */
function columns(a: number, b: number): string {
  const [x, y] = [reversed(a), reversed(b)];
  const steps: string[] = [];
  let carry = 0;
  for (let place = 0; place < Math.max(x.length, y.length); place++) {
    const [left, right] = [x[place] ?? 0, y[place] ?? 0];
    const sum = left + right + carry;
    steps.push(`${left}+${right}${carry === 0 ? '' : '+1'}=${sum}`);
    carry = sum >= 10 ? 1 : 0;
  }
  return steps.join(',');
}

/** Example: `347+85:` has the steps `7+5=12,4+8+1=13,3+0+1=4=432` and the direct solution `=432`. */
export const addition = defineTask({
  name: 'addition',
  description: 'The sum of two numbers; right is what follows the last "=".',
  options: { digits: { default: 3, min: 1, max: 9, help: 'digits of a number at most' } },
  create: ({ digits: length }) => ({
    alphabet: `${digits}+=:,`,
    problem: (random) => {
      const [a, b] = [number(random, length), number(random, length)];
      const answer = String(a + b);
      const solutions = { direct: `=${answer}`, steps: `${columns(a, b)}=${answer}` };
      return { prompt: `${a}+${b}:`, answer, solutions };
    },
    ...afterEquals,
  }),
});

/** One digit of `b` after the other, from the right, and the sum so far: `12*4=48,12*30=360+48=408`. */
function partialProducts(a: number, b: number): string {
  let sum = 0;
  return reversed(b)
    .map((digit, place) => {
      const product = a * digit * 10 ** place;
      const added = sum;
      sum += product;
      return `${a}*${digit * 10 ** place}=${product}${place === 0 ? '' : `+${added}=${sum}`}`;
    })
    .join(',');
}

/** Example: `12*34:` has the steps `12*4=48,12*30=360+48=408=408` and the direct solution `=408`. */
export const multiplication = defineTask({
  name: 'multiplication',
  description: 'The product of two numbers; right is what follows the last "=".',
  options: { digits: { default: 2, min: 1, max: 5, help: 'digits of a number at most' } },
  create: ({ digits: length }) => ({
    alphabet: `${digits}*+=:,`,
    problem: (random) => {
      const [a, b] = [number(random, length), number(random, length)];
      const answer = String(a * b);
      const solutions = { direct: `=${answer}`, steps: `${partialProducts(a, b)}=${answer}` };
      return { prompt: `${a}*${b}:`, answer, solutions };
    },
    ...afterEquals,
  }),
});
