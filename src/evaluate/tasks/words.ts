// Problems in sentences: somebody has something, a few things happen to it, and how much there is at the end is asked.
// Names, things and units, and the words of every sentence vary; `word-stories.ts` has them.

import type { Random } from '../../data/random.ts';
import type { Problem } from '../task.ts';
import { defineTask } from '../task-kind.ts';
import { type Change, people, type Person, type Story, stories, type Unit } from './word-stories.ts';

/** Something that happens: a change of the value, and by how much. */
interface Event {
  readonly change: Change;
  readonly amount: number;
  readonly value: number;
}

interface Limits {
  readonly steps: number;
  /** The largest amount that comes or goes at once. */
  readonly amount: number;
  /** The largest value on the way. */
  readonly largest: number;
}

const pick = <T>(list: readonly T[], random: Random): T => list[random.below(list.length)]!;

/** One event in so many doubles, where there is room for it. */
const doublesEvery = 4;

/** What can happen to a value, within the limits. */
function nextEvent(value: number, { amount: most, largest }: Limits, random: Random): Event {
  if (value > 0 && 2 * value <= largest && random.below(doublesEvery) === 0) {
    return { change: 'double', amount: 2, value: 2 * value };
  }
  const [up, down] = [Math.min(most, largest - value), Math.min(most, value)];
  const isGain = down === 0 || (up > 0 && random.below(2) === 0);
  const amount = 1 + random.below(isGain ? up : down);
  return isGain ? { change: 'gain', amount, value: value + amount } : { change: 'loss', amount, value: value - amount };
}

/** Example: `1 apple`, `3 apples`. */
const counted = (count: number, [one, many]: Unit): string => `${count} ${count === 1 ? one : many}`;

interface Cast {
  readonly person: Person;
  readonly other: Person;
  readonly unit: Unit;
}

/** A sentence of a pattern, with its first letter large. */
function sentence(pattern: string, { person, other, unit }: Cast, amount: number): string {
  const text = pattern
    .replaceAll('{name}', person.name)
    .replaceAll('{she}', person.pronoun)
    .replaceAll('{other}', other.name)
    .replaceAll('{count}', counted(amount, unit))
    .replaceAll('{number}', String(amount))
    .replaceAll('{units}', unit[1]);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const signs: Readonly<Record<Change, string>> = { gain: '+', loss: '-', double: '*' };

/** Each event as a sum: `3 + 4 = 7.` */
function sums(start: number, events: readonly Event[]): string {
  const before = [start, ...events.map(({ value }) => value)];
  return events.map(({ change, amount, value }, i) => `${before[i]} ${signs[change]} ${amount} = ${value}.`).join(' ');
}

function tell(story: Story, cast: Cast, start: number, events: readonly Event[], random: Random): string {
  const told = events.map(({ change, amount }, i) => {
    const then = i > 0 && random.below(3) === 0 ? 'then ' : '';
    return sentence(`${then}${pick(story[change], random)}`, cast, amount);
  });
  return [
    sentence(pick(story.start, random), cast, start),
    ...told,
    `${sentence(pick(story.question, random), cast, 0)}\n`,
  ].join(' ');
}

function problemOf(limits: Limits, random: Random): Problem {
  const story = pick(stories, random);
  const person = pick(people, random);
  // With the other pronoun, so that it is clear who is meant.
  const cast = {
    person,
    other: pick(
      people.filter(({ pronoun }) => pronoun !== person.pronoun),
      random,
    ),
    unit: pick(story.units, random),
  };
  const start = 1 + random.below(Math.ceil(limits.largest / 2));
  const events: Event[] = [];
  while (events.length < limits.steps) events.push(nextEvent(events.at(-1)?.value ?? start, limits, random));
  const result = events.at(-1)!.value;
  const [answer, steps] = [`The answer is ${counted(result, cast.unit)}.`, sums(start, events)];
  return {
    prompt: tell(story, cast, start, events, random),
    answer: String(result),
    solutions: { direct: answer, steps: `${steps} ${answer}`, twice: `${steps} Check: ${steps} ${answer}` },
    traits: { steps: limits.steps, story: story.name },
  };
}

/** The number that the last `The answer is` of a text names; null without one. */
function answerOf(completion: string): string | null {
  return [...completion.matchAll(/The answer is (\d+)\b/g)].at(-1)?.[1] ?? null;
}

/**
 * Example: the prompt `Mia has 3 apples. She buys 4 more. Then she gives 2 apples to Tom. How many apples does Mia have
 * now?`, which ends with a line break, has the steps `3 + 4 = 7. 7 - 2 = 5. The answer is 5 apples.` and the direct
 * solution `The answer is 5 apples.` The solution `twice` goes through the steps again after `Check:`.
 */
export const words = defineTask({
  name: 'words',
  description: 'A problem in sentences, with names and units; right is the number after the last "The answer is".',
  options: {
    steps: { default: 3, min: 1, max: 8, help: 'things that happen' },
    amount: { default: 5, min: 1, max: 99, help: 'the largest number that is added or taken away' },
    largest: { default: 20, min: 2, max: 999, help: 'the largest value on the way' },
  },
  create: (limits) => ({
    alphabet: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,?:+-*=\n',
    problem: (random) => problemOf(limits, random),
    answerOf,
    isRight: ({ answer }, completion) => answerOf(completion) === answer,
  }),
});
