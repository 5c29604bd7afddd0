// The task with problems in sentences: what the sentences say is what is computed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/data/random.ts';
import { findContaminated } from '../../../src/evaluate/contamination.ts';
import { heldOutProblems, trainingProblem } from '../../../src/evaluate/split.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';

const words = namedTask('words');

/** Reads a problem as a person would, by the verbs: the value after each sentence but the question. */
function read(prompt: string): number[] {
  const sentences = prompt.trim().split(/(?<=[.?]) /);
  const values: number[] = [];
  for (const sentence of sentences.slice(0, -1)) {
    const value = values.at(-1);
    const amount = Number(/\d+/.exec(sentence)?.[0]);
    if (value === undefined) values.push(amount);
    else if (/as many|as much|twice|doubl/.test(sentence)) values.push(2 * value);
    else if (/\bto [A-Z]|loses|takes|pays|spends|drinks|lets out|down|sink/.test(sentence)) values.push(value - amount);
    else values.push(value + amount);
  }
  return values;
}

describe('the task words', () => {
  it('property: the answer follows from the sentences, and the steps are the values on the way', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), (seed, steps) => {
        const task = namedTask(`words:steps=${steps}`);
        const problem = task.problem(createRandom('test', seed));
        const values = read(problem.prompt);
        expect(values).toHaveLength(steps + 1);
        expect(problem.answer).toBe(String(values.at(-1)));
        expect(values.every((value) => value >= 0 && value <= 20)).toBe(true);
        const written = [...problem.solutions!.steps!.matchAll(/(\d+) ([+*-]) (\d+) = (\d+)\./g)];
        expect(written.map(([, before]) => Number(before))).toEqual(values.slice(0, -1));
        expect(written.map(([, , , , after]) => Number(after))).toEqual(values.slice(1));
        for (const [, a, sign, b, after] of written) {
          const result = { '+': Number(a) + Number(b), '-': Number(a) - Number(b), '*': Number(a) * Number(b) }[sign!];
          expect(result).toBe(Number(after));
        }
      }),
    );
  });

  it('every solution is right, and in its alphabet', () => {
    for (let seed = 0; seed < 200; seed++) {
      const problem = words.problem(createRandom('test', seed));
      const solutions = Object.values(problem.solutions!);
      expect(Object.keys(problem.solutions!)).toEqual(['direct', 'steps', 'twice']);
      expect(solutions.every((solution) => words.isRight(problem, solution))).toBe(true);
      const used = new Set([problem.prompt, ...solutions].join(''));
      expect([...used].filter((character) => !words.alphabet!.includes(character))).toEqual([]);
    }
  });

  it('reads whole sentences with the right number of a unit', () => {
    const texts = Array.from({ length: 500 }, (_, i) => words.problem(createRandom('form', i)).prompt);
    for (const text of texts) {
      expect(text).toMatch(/^[A-Z].*\?\n$/);
      expect(text).not.toMatch(/[{}]|\b1 \w+s\b(?! of)|[.?] [a-z]/);
    }
    const opening = texts.map((text) => text.split(' ').slice(0, 2).join(' '));
    expect(new Set(opening).size).toBeGreaterThan(60);
  });

  it.each([
    ['The answer is 5 apples.', true],
    ['2 + 3 = 5. The answer is 5 apples.', true],
    ['The answer is 4. The answer is 5.', true],
    ['The answer is 5. The answer is 4.', false],
    ['5', false],
    ['The answer is 55 apples.', false],
    ['The answer is five apples.', false],
  ])('%s', (completion, isRight) => {
    expect(words.isRight({ prompt: '', answer: '5' }, completion)).toBe(isRight);
  });

  it('holds out problems that no training problem has, though their sums come up with other words', async () => {
    const training = Array.from({ length: 4000 }, (_, i) => trainingProblem(words, createRandom('contamination', i)));
    const heldOut = heldOutProblems(words, 256);
    const asked = new Set(training.map(({ prompt }) => prompt));
    expect(heldOut.filter(({ prompt }) => asked.has(prompt))).toEqual([]);
    // Two sentences make thirteen words in a row, and stories have them in common: the check of GPT-3 finds most.
    const text = training.map(({ prompt, solutions }) => `${prompt}${solutions!.steps}`);
    expect((await findContaminated(heldOut, text)).size).toBeGreaterThan(128);
    const none = await findContaminated(heldOut, ['She buys 4 more. How many apples does Mia have now?']);
    expect(none.size).toBe(0);
  });

  it.each([
    ['words:step=3', 'did you mean steps?'],
    ['words:steps=9', 'steps must be a whole number from 1 to 8'],
  ])('refuses %s', (spec, message) => {
    expect(() => namedTask(spec)).toThrow(message);
  });
});
