// A chain of small operations modulo p: hard to answer at once, since one of them does not commute with the others, and
// easy a step at a time, since each step has three outcomes.

import type { Random } from '../../data/random.ts';
import { defineTask, afterEquals } from '../task-kind.ts';

/** The values after each operation. */
function valuesOf(start: number, operations: readonly string[], modulus: number): number[] {
  const values: number[] = [];
  let value = start;
  for (const operation of operations) {
    value = operation === '*' ? modulus - 1 - value : (value + (operation === 'a' ? 1 : 2)) % modulus;
    values.push(value);
  }
  return values;
}

function operation(random: Random, starShare: number): string {
  return random.next() < starShare ? '*' : 'ab'.charAt(random.below(2));
}

/**
 * A digit and operations on it: `a` adds 1 and `b` adds 2, modulo `modulus`, and `*` takes the digit from
 * `modulus - 1`.
 *
 * Example: the prompt `0b*bb*aa:` has the direct solution `=0` and, with the value after each operation, `2791890=0`.
 * `every2` and `every4` write the value after every second and fourth operation, `twice` writes all values, `?` and all
 * values again.
 */
export const chain = defineTask({
  name: 'chain',
  description:
    'A digit and operations on it: a adds 1, b adds 2, * takes it from 9; right is the last value, after the last "=".',
  options: {
    operations: { default: 7, min: 1, max: 64, help: 'operations of a problem' },
    modulus: { default: 10, min: 3, max: 10, help: 'values are 0 to one less' },
    starShare: { default: 1 / 3, min: 0, max: 1, isFraction: true, help: 'share of the operation *' },
  },
  create: ({ operations, modulus, starShare }) => ({
    alphabet: `${'0123456789'.slice(0, modulus)}ab*:=?`,
    problem: (random) => {
      const start = random.below(modulus);
      const names = Array.from({ length: operations }, () => operation(random, starShare));
      const values = valuesOf(start, names, modulus);
      const answer = String(values.at(-1));
      const every = (n: number) => values.filter((_, i) => i % n === n - 1).join('');
      return {
        prompt: `${start}${names.join('')}:`,
        answer,
        traits: { stars: names.filter((name) => name === '*').length },
        solutions: {
          direct: `=${answer}`,
          steps: `${every(1)}=${answer}`,
          every2: `${every(2)}=${answer}`,
          every4: `${every(4)}=${answer}`,
          twice: `${every(1)}?${every(1)}=${answer}`,
        },
      };
    },
    ...afterEquals,
  }),
});
