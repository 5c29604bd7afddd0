import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/data/random.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';

const problemOf = (spec: string, seed: number) => namedTask(spec).problem(createRandom('test', seed));

/** The last value, one operation after the other. */
function lastValue(prompt: string, modulus: number): number {
  const apply: Record<string, (value: number) => number> = {
    a: (value) => (value + 1) % modulus,
    b: (value) => (value + 2) % modulus,
    '*': (value) => modulus - 1 - value,
  };
  return Array.from(prompt.slice(1, -1)).reduce((value, name) => apply[name]!(value), Number(prompt[0]));
}

describe('the task chain', () => {
  it('writes the values after every, every second and every fourth operation', () => {
    const { problem } = namedTask('chain');
    const found = Array.from({ length: 20_000 }, (_, i) => i).find(
      (i) => problem(createRandom('find', i)).prompt.slice(0, 3) === '0b*',
    );
    const { prompt, solutions } = problem(createRandom('find', found!));
    const values: number[] = [];
    for (let end = 2; end <= 8; end++) values.push(lastValue(`${prompt.slice(0, end)}:`, 10));
    const answer = values.at(-1);
    expect(values.slice(0, 2)).toEqual([2, 7]);
    expect(solutions).toEqual({
      direct: `=${answer}`,
      steps: `${values.join('')}=${answer}`,
      every2: `${[1, 3, 5].map((i) => values[i]).join('')}=${answer}`,
      every4: `${values[3]}=${answer}`,
      twice: `${values.join('')}?${values.join('')}=${answer}`,
    });
  });

  it('property: the answer is the value of the operations, and every solution is right', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 3, max: 10 }), fc.integer({ min: 1, max: 12 }), (seed, modulus, n) => {
        const task = namedTask(`chain:operations=${n}:modulus=${modulus}`);
        const problem = task.problem(createRandom('test', seed));
        expect(problem.prompt).toMatch(new RegExp(`^[0-${modulus - 1}][ab*]{${n}}:$`));
        expect(problem.answer).toBe(String(lastValue(problem.prompt, modulus)));
        const solutions = Object.values(problem.solutions!);
        expect(solutions.every((solution) => task.isRight(problem, solution))).toBe(true);
        const used = new Set([problem.prompt, ...solutions].join(''));
        expect([...used].every((character) => task.alphabet!.includes(character))).toBe(true);
      }),
    );
  });

  it('takes what follows the last "=" for the answer', () => {
    const task = namedTask('chain');
    const problem = { prompt: '0b:', answer: '2' };
    const right = ['=2', '2=2', '7=5=2', '= 2'];
    const wrong = ['', '2', '=', '=3', '=22', '=2=', '=2=3'];
    expect(right.map((text) => task.isRight(problem, text))).toEqual(right.map(() => true));
    expect(wrong.map((text) => task.isRight(problem, text))).toEqual(wrong.map(() => false));
  });

  it.each([
    ['chain', 1 / 3],
    ['chain:starShare=0.12', 0.12],
    ['chain:starShare=0', 0],
  ])('%s has the operation * in a share of %d', (spec, share) => {
    const stars = Array.from({ length: 1000 }, (_, i) => problemOf(spec, i).prompt.split('*').length - 1);
    const mean = stars.reduce((sum, count) => sum + count, 0) / 7000;
    expect(Math.abs(mean - share)).toBeLessThan(0.03); // five standard deviations of the mean of 7,000 draws
  });

  it.each([
    ['chian', /unknown task "chian"; did you mean chain/],
    ['chain:steps=4', /chain has no option "steps"; did you mean/],
    ['chain:operations=0', /operations must be a whole number from 1 to 64, found "0"/],
    ['chain:operations', /operations must be a whole number from 1 to 64, found ""/],
    ['chain:operations=2.5', /must be a whole number/],
    ['chain:starShare=2', /starShare must be a number from 0 to 1, found "2"/],
  ])('refuses %s', (spec, message) => {
    expect(() => namedTask(spec)).toThrow(message);
  });
});
