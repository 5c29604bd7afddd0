import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { loadTask } from '../../src/evaluate/load-task.ts';
import { readTask } from '../../src/evaluate/task-file.ts';
import { tempFolder } from '../data/temp-folder.ts';
import '../../src/node.ts';

const folder = tempFolder();
const lines = (...rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

describe('a task as JSON Lines', () => {
  it('has the problems of its lines, and a header that says how answers are read', () => {
    const text = lines(
      { task: 'capitals', description: 'The capital.', stop: '\n', format: 'is ([A-Z]\\w+)' },
      { prompt: 'France:', answer: 'Paris', solutions: { steps: 'It is Paris' } },
      { prompt: 'Six times seven:', answer: 42 },
    );
    const task = readTask(`${text}\n\n`, 'file');
    expect(task).toMatchObject({ name: 'capitals', description: 'The capital.', stop: '\n' });
    expect(task.problems?.map(({ answer }) => answer)).toEqual(['Paris', '42']);
    const [first] = task.problems!;
    expect(['It is Paris', 'is Paris', 'Paris', 'It is Rome'].map((text) => task.isRight(first!, text))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(task.answerOf!('Paris')).toBeNull();
  });

  it('takes the whole completion for the answer where no format is named', () => {
    const task = readTask(lines({ prompt: 'a', answer: 'b c' }), 'x');
    expect([task.name, task.isRight(task.problems![0]!, ' b c\n')]).toEqual(['x', true]);
  });

  it.each([
    ['an index', { query: 'q', choices: ['x', 'y'], gold: 1 }],
    ['a text', { question: 'q', choices: ['x', 'y'], answer: 'y' }],
    ['a letter', { question: 'q', choices: ['x', 'y'], answer: 'B' }],
    ['a label of ARC', { question: 'q', choices: { text: ['x', 'y'], label: ['1', '2'] }, answerKey: '2' }],
    ['a label of HellaSwag', { ctx: 'q', endings: ['x', 'y'], label: '1' }],
  ])('reads the choices of lm-evaluation-harness, the right one by %s', (_, row) => {
    const { problems } = readTask(lines(row), 'x');
    expect(problems).toEqual([{ prompt: 'q', answer: 'y', choices: ['x', 'y'] }]);
  });

  it.each([
    ['', /x has no problems/],
    ['{"task": "empty"}', /x has no problems/],
    ['{"prompt": "a"', /^task: x: line 1: not JSON/],
    [lines({ prompt: 'a', answer: 'b' }, { prompt: 'a' }), /^task: x: line 2: expected "prompt" and "answer"/],
    [lines({ query: 'a', choices: ['b', 'c'], gold: 2 }), /line 1: .*in "gold" which of the 2 choices is right/],
    [lines({ query: 'a', choices: ['b', 'c'] }), /line 1: .*in "gold" which/],
    [lines({ task: 'x', format: '(' }, { prompt: 'a', answer: 'b' }), /the format "\(" is no regular expression/],
  ])('refuses %j', (text, message) => {
    expect(() => readTask(text, 'x')).toThrow(message);
    expect(() => readTask(text, 'x')).toThrow(UserError);
  });
});

describe('loadTask', () => {
  it('takes names, files of problems, and modules', async () => {
    const file = folder.write('my-task.jsonl', lines({ prompt: 'a', answer: 'b' }));
    const module = folder.write(
      'double.mjs',
      'export default { problem: (random) => ({ prompt: "a", answer: String(random.below(9)) }), isRight: () => true }',
    );
    expect((await loadTask('chain:operations=3')).name).toBe('chain:operations=3');
    expect((await loadTask(file)).name).toBe('my-task');
    expect((await loadTask(module)).name).toBe('double');
  });

  it('says what is wrong', async () => {
    await expect(loadTask('no/such.jsonl')).rejects.toThrow(/no such file: no\/such\.jsonl/);
    await expect(loadTask(folder.write('none.mjs', 'export const a = 1'))).rejects.toThrow(/no task as its default/);
    await expect(loadTask(folder.write('bad.mjs', 'export default {'))).rejects.toThrow(/cannot be imported/);
    await expect(loadTask('chian')).rejects.toThrow(/did you mean chain/);
  });
});
