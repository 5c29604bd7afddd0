import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { createRandom } from '../../../src/data/random.ts';
import { evaluateTask } from '../../../src/evaluate/evaluate-task.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';
import { recallTokenizer } from '../../../src/long-context/recall-tokenizer.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { smallConfig } from '../../model/small-model.ts';

const problemsOf = (spec: string) => {
  const task = namedTask(spec);
  return Array.from({ length: 100 }, (_, i) => ({ task, problem: task.problem(createRandom(5, i)) }));
};
const tokens = (text: string) => recallTokenizer().encode(text).length;

describe.each(['needle', 'needle:length=301', 'recall', 'recall:pairs=3:olderShare=1', 'lookback:length=71'])(
  'the task %s',
  (spec) => {
    it('has problems of the length that it says, whose one right answer is a sign', () => {
      for (const { task, problem } of problemsOf(spec)) {
        expect(tokens(problem.prompt)).toBe(problem.traits?.length);
        expect(tokens(problem.answer)).toBe(1);
        expect(task.isRight(problem, problem.answer)).toBe(true);
        expect(task.isRight(problem, `${problem.answer}x`)).toBe(true);
        expect(task.isRight(problem, '')).toBe(false);
        for (const character of problem.prompt + problem.answer) expect(task.alphabet).toContain(character);
      }
    });
  },
);

describe('the needle', () => {
  it('lies at each depth, and says so', () => {
    const found = problemsOf('needle:length=101').map(({ problem }) => {
      const place = problem.prompt.search(/[a-p][0-7]/);
      return [problem.traits?.depth, place / 99];
    });
    expect(new Set(found.map(([depth]) => depth))).toEqual(new Set([0, 0.25, 0.5, 0.75, 1]));
    // Rounded to a place out of 100.
    for (const [depth, place] of found) expect(Math.abs(Number(depth) - Number(place))).toBeLessThan(0.01);
  });

  it('is asked for by its key, with its value as the answer', () => {
    for (const { problem } of problemsOf('needle')) {
      const [, key, value] = /([a-p])([0-7])/.exec(problem.prompt) ?? [];
      expect([problem.prompt.at(-1), problem.answer]).toEqual([key?.toUpperCase(), value]);
    }
  });
});

describe('recall', () => {
  it('asks for the latest value of a key', () => {
    for (const { problem } of problemsOf('recall:olderShare=1')) {
      const key = problem.prompt.at(-1)!.toLowerCase();
      const given = [...problem.prompt.matchAll(new RegExp(`${key}([0-7])`, 'g'))];
      expect(given.length).toBeGreaterThan(1);
      expect(given.at(-1)?.[1]).toBe(problem.answer);
      expect(problem.traits?.kind).toBe('latest');
    }
  });
});

describe('lookback', () => {
  it('asks for what stood 3 places before the mark', () => {
    for (const { problem } of problemsOf('lookback')) {
      expect(problem.prompt.at(-1)).toBe('@');
      expect(problem.prompt.at(-4)).toBe(problem.answer);
    }
  });
});

describe('the tasks of the recall language', () => {
  it('take one token for an answer, which no end token need follow', async () => {
    await activateBackend('engine', { threads: 1 });
    const model = new DeepseekV3ForCausalLM({ ...smallConfig, vocabSize: 389, maxPositionEmbeddings: 130 }, 1);
    const task = namedTask('needle');
    const problems = problemsOf('needle').map(({ problem }) => problem);
    const found = await evaluateTask(model, recallTokenizer(), task, { problems });
    expect(found).toMatchObject({ ended: 1, meanLength: 1, problems: 100 });
    const said = found!.examples[0]!;
    const always = problems.map((problem) => ({ ...problem, answer: said.completion }));
    expect((await evaluateTask(model, recallTokenizer(), task, { problems: always.slice(0, 1) }))?.passAt1).toBe(1);
    model.dispose();
  });
});
