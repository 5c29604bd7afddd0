import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/data/random.ts';
import { heldOutProblems, isHeldOut, trainingProblem } from '../../src/evaluate/split.ts';
import { namedTask } from '../../src/evaluate/tasks/index.ts';

describe('problems to train on and to measure on', () => {
  const task = namedTask('chain');

  it('are never the same, whatever the seeds', () => {
    const random = createRandom('training', 1);
    const training = Array.from({ length: 500 }, () => trainingProblem(task, random));
    const heldOut = heldOutProblems(task, 300, 1);
    expect(training.some(isHeldOut)).toBe(false);
    expect(heldOut.every(isHeldOut)).toBe(true);
  });

  it('are the same for the same seed, and each is measured on once', () => {
    const problems = heldOutProblems(task, 100, 5);
    expect(heldOutProblems(task, 100, 5)).toEqual(problems);
    expect(heldOutProblems(task, 100, 6)).not.toEqual(problems);
    expect(new Set(problems.map(({ prompt }) => prompt)).size).toBe(100);
  });

  it('says how many there are where there are too few', () => {
    const small = namedTask('chain:operations=1:modulus=3');
    expect(() => heldOutProblems(small, 100)).toThrow(/has only \d problems to measure on, and 100 were asked for/);
  });

  it('are taken from the list of a task that has one', () => {
    const problems = Array.from({ length: 100 }, (_, i) => ({ prompt: `${i}:`, answer: String(i) }));
    const listed = { ...task, problems };
    const heldOut = heldOutProblems(listed, 100);
    expect(heldOut).toEqual(problems.filter(isHeldOut));
    expect(heldOut.length).toBeGreaterThan(4);
    expect(heldOutProblems(listed, 2)).toEqual(heldOut.slice(0, 2));
  });
});
