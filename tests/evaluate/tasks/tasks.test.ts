// All tasks that are generated: what each promises of its problems, and worked examples of each.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../../src/node.ts';
import { createRandom } from '../../../src/data/random.ts';
import type { Task } from '../../../src/evaluate/task.ts';
import { readExpression } from '../../../src/evaluate/tasks/countdown.ts';
import { namedTask, taskKinds } from '../../../src/evaluate/tasks/index.ts';

/** The first problem with this prompt. */
function problemWith(task: Task, prompt: string) {
  for (let seed = 0; seed < 200_000; seed++) {
    const problem = task.problem(createRandom('find', seed));
    if (problem.prompt === prompt) return problem;
  }
  throw new Error(`no problem ${prompt}`);
}

describe.each(taskKinds.map(({ name }) => name))('the task %s', (name) => {
  const task = namedTask(name);

  it('property: its solutions are right, in its format, and of its alphabet', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const problem = task.problem(createRandom('test', seed));
        const solutions = Object.values(problem.solutions ?? { answer: problem.answer });
        for (const solution of solutions) {
          expect([solution, await task.isRight(problem, solution)]).toEqual([solution, true]);
          if (task.answerOf !== undefined) expect(task.answerOf(solution)).not.toBeNull();
        }
        const used = new Set([problem.prompt, ...solutions].join(''));
        expect([...used].filter((character) => !task.alphabet!.includes(character))).toEqual([]);
      }),
    );
  });

  it('property: another answer is wrong', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.string(), async (seed, text) => {
        const problem = task.problem(createRandom('test', seed));
        fc.pre(text.trim() !== problem.answer && !text.includes('=') && readExpression(text) === null);
        // Where an answer has so many tokens and no end, what comes after them does not count.
        fc.pre(task.answerTokens === undefined || !text.startsWith(problem.answer));
        expect(await task.isRight(problem, `=${text}`)).toBe(false);
        expect(await task.isRight(problem, text)).toBe(false);
      }),
    );
  });

  it('is a function of what it draws', () => {
    expect(task.problem(createRandom('x', 1))).toEqual(task.problem(createRandom('x', 1)));
  });
});

describe('worked examples', () => {
  it('a sum, column by column', () => {
    const { solutions } = problemWith(namedTask('addition:digits=2'), '47+85:');
    expect(solutions).toEqual({ direct: '=132', steps: '7+5=12,4+8+1=13=132' });
  });

  it('a product, digit by digit', () => {
    const { solutions } = problemWith(namedTask('multiplication'), '12*34:');
    expect(solutions).toEqual({ direct: '=408', steps: '12*4=48,12*30=360+48=408=408' });
  });

  it('the parity after each digit', () => {
    const { solutions } = problemWith(namedTask('parity:length=4'), '1101:');
    expect(solutions).toEqual({ direct: '=1', steps: '1001=1' });
  });

  it('digits put in their places', () => {
    const { solutions } = problemWith(namedTask('sorting:length=4'), '3142:');
    expect(solutions).toEqual({ direct: '=1234', steps: '3,13,134,1234=1234' });
  });
});

describe('countdown', () => {
  const task = namedTask('countdown');
  const problem = { prompt: '3,5,2>13:', answer: '13' };

  it('computes what was written, whatever the way', () => {
    for (const right of ['=(5*2)+3', '=3+5*2', '= 5 * 2 + 3', '2*5=10=5*2+3']) {
      expect([right, task.isRight(problem, right)]).toEqual([right, true]);
    }
    for (const wrong of [
      '=13',
      '=5*2+2',
      '=3*5-2*1',
      '=5+5+3',
      '=3+5*',
      '=(3+5*2',
      '=3+5*2)',
      '=',
      '3+5*2',
      '=13+0*3',
    ]) {
      expect([wrong, task.isRight(problem, wrong)]).toEqual([wrong, false]);
    }
  });

  it('property: reads expressions as JavaScript does', () => {
    const numbers = fc.integer({ min: 0, max: 99 }).map(String);
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        numbers,
        fc.tuple(tie('expression'), fc.constantFrom('+', '-', '*'), tie('expression')).map((parts) => parts.join('')),
        tie('expression').map((inner) => `(${inner})`),
      ),
    }));
    fc.assert(
      fc.property(expression, (text) => {
        expect(readExpression(text)?.value).toBe(new Function(`return ${text.replace(/\b0+(?=\d)/g, '')}`)());
      }),
    );
  });
});
