// Programs as answers: whatever one does, it is right or wrong, and nothing else happens.

import { describe, expect, it } from 'vitest';
import '../../src/node.ts';
import type { Task } from '../../src/evaluate/task.ts';
import { readTask } from '../../src/evaluate/task-file.ts';
import { namedTask } from '../../src/evaluate/tasks/index.ts';
import { passesTests } from '../../src/evaluate/unit-tests.ts';
import { verifyAll } from '../../src/evaluate/verify.ts';
import { correct, scoreAnswers } from '../../src/post-training/rewards/reward.ts';

const tests = [
  { args: [2, 3], result: 5 },
  { args: [0, -1], result: -1 },
];

describe('passesTests', () => {
  it.each([
    '(a, b) => a + b',
    'function f(a, b) { let x = a; while (b > 0) { x++; b--; } return b < 0 ? x + b : x; }',
    '(...all) => all.reduce((x, y) => x + y)',
    '{ (0) }, ((a, b) => a + b)'.slice(9),
  ])('right: %s', async (source) => {
    expect(await passesTests(source, tests)).toBe(true);
  });

  it('compares values of any kind as JSON', async () => {
    expect(await passesTests('x => [x, { y: "z" }]', [{ args: [1], result: [1, { y: 'z' }] }])).toBe(true);
    expect(await passesTests('x => [x, { y: "z" }]', [{ args: [1], result: [1, { y: 'Z' }] }])).toBe(false);
  });

  it.each([
    ['wrong', '(a, b) => a - b'],
    ['right once', '() => 5'],
    ['no program', '5 apples'],
    ['no function', '5'],
    ['nothing', ''],
    ['throws', '() => { throw new Error("no"); }'],
    ['throws what cannot be read', '() => { throw { get message() { throw 1; } }; }'],
    ['returns nothing', '() => {}'],
    ['returns a promise', 'async (a, b) => a + b'],
    ['never ends', '() => { for (;;); }'],
    ['never ends before it is called', '(() => { for (;;); })()'],
    [
      'never ends afterwards',
      '(a, b) => { Promise.resolve().then(function again() { return Promise.resolve().then(again); }); return 0; }',
    ],
    ['calls itself without end', 'function f(a, b) { return f(a, b); }'],
    ['matches without end', '() => /^(a+)+$/.test("a".repeat(60) + "!")'],
    ['fills the memory', '() => { const all = []; for (;;) all.push(new Array(1e5).fill(1)); }'],
    ['fills memory outside the heap', '() => new Uint8Array(2 ** 33).fill(1)'],
    ['closes the bracket', '0); for (;;); (0'],
    ['changes what compares', '(JSON.stringify = () => "[5]", (a, b) => 5)'],
  ])('wrong: %s', { timeout: 120_000 }, async (_, source) => {
    expect(await passesTests(source, tests)).toBe(false);
    expect(await passesTests('(a, b) => a + b', tests)).toBe(true);
  });

  it.each([
    'typeof process',
    'typeof require',
    'typeof fetch',
    'typeof setTimeout',
    'typeof console',
    'this === undefined ? typeof globalThis.process : 0',
    'typeof globalThis.constructor.constructor',
  ])('a program has the language alone: %s', async (expression) => {
    const nothing = expression.includes('constructor') ? 'function' : 'undefined';
    expect(await passesTests(`function () { return ${expression}; }`, [{ args: [], result: nothing }])).toBe(true);
  });

  it.each([
    ['code made of text', '() => globalThis.constructor.constructor("return process")() && 1'],
    ['code made by eval', '() => eval("1")'],
    ['modules', '() => { import("node:fs"); return 1; }'],
    [
      'the outside, by an error from it',
      '() => { try { import("x").catch((e) => e.constructor.constructor("return process")()); } catch {} return 1; }',
    ],
  ])('refused: %s', async (_, source) => {
    expect(await passesTests(source, [{ args: [], result: 1 }])).toBe(false);
  });
});

describe('tasks whose answers are programs', () => {
  const task = namedTask('program');
  const problem = { prompt: 'di:', answer: '[1,3,5,7,-7]' };

  it('program: what passes is right, however it is written', async () => {
    expect(await task.isRight(problem, 'x=>(x*2)+1')).toBe(true);
    expect(await task.isRight(problem, 'x=>{x=x*2;x=x+1;return x}')).toBe(true);
    expect(await task.isRight(problem, 'x=>1+x+x')).toBe(true);
    expect(await task.isRight(problem, 'x=>x*2')).toBe(false);
  });

  it('a file of problems with tests', async () => {
    const lines = [
      { prompt: 'Add two numbers:', tests },
      { prompt: 'Nothing:', tests: [{ args: [], result: null }] },
    ];
    const own: Task = readTask(lines.map((line) => JSON.stringify(line)).join('\n'), 'sums');
    expect(await own.isRight(own.problems![0]!, ' (a, b) => a + b\n')).toBe(true);
    expect(await own.isRight(own.problems![1]!, '(a, b) => a + b')).toBe(false);
    expect(await own.isRight(own.problems![1]!, '() => null')).toBe(true);
  });

  it('an answer that hangs or throws is a wrong answer, and the others are judged', { timeout: 120_000 }, async () => {
    const completions = ['x=>(x*2)+1', 'x=>{for(;;);}', 'x=>{throw 1}', 'x=>1+x*2'];
    const judged = await verifyAll(
      task,
      completions.map((completion) => ({ problem, completion })),
    );
    expect(judged.map(({ isRight }) => isRight)).toEqual([true, false, false, true]);
    const answers = completions.map((completion) => {
      return { problem, completion, ended: true, tokens: 5, maxTokens: 9, group: [] };
    });
    expect(await scoreAnswers(correct(task), answers)).toEqual([1, 0, 0, 1]);
  });
});
