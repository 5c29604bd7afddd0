// Tasks on a row of characters: their parity, their order, a copy of them.

import type { Random } from '../../data/random.ts';
import { afterEquals, defineTask } from '../task-kind.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz';

const row = (random: Random, length: number, alphabet: string): string[] =>
  Array.from({ length }, () => alphabet.charAt(random.below(alphabet.length)));

/** Example: `1101:` has the steps `1001=1`, the parity after each digit, and the direct solution `=1`. */
export const parity = defineTask({
  name: 'parity',
  description:
    'Whether a row of binary digits has an odd number of ones (1) or not (0); right is what follows the "=".',
  options: { length: { default: 8, min: 1, max: 64, help: 'digits of a problem' } },
  create: ({ length }) => ({
    alphabet: '01=:',
    problem: (random) => {
      const bits = row(random, length, '01');
      const running = bits.map((_, i) => bits.slice(0, i + 1).filter((bit) => bit === '1').length % 2);
      const answer = String(running.at(-1));
      return {
        prompt: `${bits.join('')}:`,
        answer,
        solutions: { direct: `=${answer}`, steps: `${running.join('')}=${answer}` },
      };
    },
    ...afterEquals,
  }),
});

/**
 * Example: `3142:` has the steps `3,13,134,1234=1234`, each digit put in its place, and the direct solution `=1234`.
 */
export const sorting = defineTask({
  name: 'sorting',
  description: 'Digits in ascending order; right is what follows the "=".',
  options: { length: { default: 5, min: 1, max: 32, help: 'digits of a problem' } },
  create: ({ length }) => ({
    alphabet: '0123456789=:,',
    problem: (random) => {
      const values = row(random, length, '0123456789');
      const states = values.map((_, i) =>
        values
          .slice(0, i + 1)
          .sort()
          .join(''),
      );
      const answer = states.at(-1)!;
      return {
        prompt: `${values.join('')}:`,
        answer,
        solutions: { direct: `=${answer}`, steps: `${states.join(',')}=${answer}` },
      };
    },
    ...afterEquals,
  }),
});

/** Example: `heron:` has the solution `=heron`. */
export const copy = defineTask({
  name: 'copy',
  description: 'The letters of the prompt again; right is what follows the "=".',
  options: {
    length: { default: 8, min: 1, max: 512, help: 'letters of a problem' },
    letters: { default: 8, min: 2, max: 26, help: 'different letters' },
  },
  create: ({ length, letters: kinds }) => {
    const alphabet = letters.slice(0, kinds);
    return {
      alphabet: `${alphabet}=:`,
      problem: (random) => {
        const answer = row(random, length, alphabet).join('');
        return { prompt: `${answer}:`, answer, solutions: { direct: `=${answer}` } };
      },
      ...afterEquals,
    };
  },
});
