// The recall language as tasks: a question at the end of a text, or a mark, and the sign that follows from it. The
// tokenizer of `long-context/recall-tokenizer.ts` is made for them.

import type { Problem } from '../task.ts';
import { defineTask } from '../task-kind.ts';
import { keys, mark, needle, noise, type RecallRow, recallRow, usualRecall, values } from './recall-language.ts';

const alphabet = [...keys, ...keys.map((key) => key.toUpperCase()), ...values, ...noise, mark].join('');

const length = { default: 64, min: 40, max: 131_072, help: 'signs of a text, each of which is a token' } as const;

/** Depths at which a needle lies: the start of the text, right before the question, and between. */
export const needleDepths = [0, 0.25, 0.5, 0.75, 1] as const;

function problemOf({ signs }: RecallRow, at: number, traits: Problem['traits']): Problem {
  return { prompt: signs.slice(0, at).join(''), answer: signs[at] ?? '', traits: { ...traits, length: at } };
}

const isRight = ({ answer }: Problem, completion: string) => completion.startsWith(answer);

/** A pair in noise, and the question for its value; the depth is a trait of the problem. */
export const needleTask = defineTask({
  name: 'needle',
  description: 'One key with its value, lost in noise: k3 ... K is asked at the end, and 3 is right.',
  options: { length },
  create: (options) => ({
    alphabet,
    answerTokens: 1,
    problem: (random) => {
      const depth = needleDepths[random.below(needleDepths.length)]!;
      const row = recallRow({ ...needle, length: options.length + 1, depth }, random);
      return problemOf(row, options.length, { depth });
    },
    isRight,
  }),
});

/** Several pairs, some with older values; whether the key asked for had any is a trait of the problem. */
export const recallTask = defineTask({
  name: 'recall',
  description: 'Several keys, some of which were given a value more than once: the latest value of one is right.',
  options: {
    length,
    pairs: { default: usualRecall.pairs, min: 1, max: 8, help: 'keys with a value' },
    olderShare: {
      ...{ default: usualRecall.olderShare, min: 0, max: 1, isFraction: true },
      help: 'share of the keys with older values',
    },
  },
  create: (options) => ({
    alphabet,
    answerTokens: 1,
    problem: (random) => {
      const row = recallRow({ ...usualRecall, ...options, length: options.length + 1 }, random);
      return problemOf(row, options.length, { kind: row.labels.at(-1)?.kind ?? 'once' });
    },
    isRight,
  }),
});

/** A mark, after which comes the sign that stood three places before it. */
export const lookbackTask = defineTask({
  name: 'lookback',
  description: 'After the mark @ comes the sign that stood 3 places before it.',
  options: { length },
  create: (options) => ({
    alphabet,
    answerTokens: 1,
    problem: (random) => {
      const { signs } = recallRow({ ...usualRecall, length: options.length + 2 * usualRecall.pairs + 4 }, random);
      const text = signs.slice(0, options.length - 1);
      // What is copied is noise, as in the text itself.
      const copied = noise[random.below(noise.length)]!;
      text[options.length - 4] = copied;
      for (const at of [options.length - 3, options.length - 2]) text[at] = noise[random.below(noise.length)]!;
      return { prompt: [...text, mark].join(''), answer: copied, traits: { length: options.length } };
    },
    isRight,
  }),
});
