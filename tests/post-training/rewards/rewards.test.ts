import { describe, expect, it } from 'vitest';
import '../../../src/node.ts';
import { UserError } from '../../../src/errors.ts';
import type { Problem } from '../../../src/evaluate/task.ts';
import {
  type Answer,
  correct,
  type Reward,
  scoreAnswers,
  sumOfRewards,
} from '../../../src/post-training/rewards/reward.ts';
import { boxed, boxedAnswer, brevity, concise, hasFormat } from '../../../src/post-training/rewards/rules.ts';
import { vote } from '../../../src/post-training/rewards/vote.ts';

const problem: Problem = { prompt: '2+2', answer: '4' };
const answer = (completion: string, changes: Partial<Answer> = {}): Answer => {
  const size = { tokens: completion.length + 1, maxTokens: 20 };
  return { problem, completion, ended: true, ...size, group: [{ completion, ended: true }], ...changes };
};
const of = (reward: Reward, given: Answer) => reward(given.problem, given.completion, given);

describe('rewards by rule', () => {
  it('correct: the verifier of the task, for answers that ended', () => {
    const reward = correct({ isRight: ({ answer }, completion) => completion === answer });
    expect(of(reward, answer('4'))).toBe(1);
    expect(of(reward, answer('5'))).toBe(0);
    expect(of(reward, answer('4', { ended: false }))).toBe(0);
  });

  it.each([
    ['the sum is \\boxed{4}.', '4'],
    ['\\boxed{3}, no: \\boxed{ 4 }', ' 4 '],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{}', ''],
    ['\\boxed{4', null],
    ['boxed{4}', null],
    ['4', null],
  ])('boxedAnswer: %s', (text, expected) => {
    expect(boxedAnswer(text)).toBe(expected);
  });

  it('boxed: the last box alone counts', () => {
    expect(of(boxed, answer('\\boxed{5} or \\boxed{ 4 }'))).toBe(1);
    expect(of(boxed, answer('\\boxed{4} or \\boxed{5}'))).toBe(0);
    expect(of(boxed, answer('4'))).toBe(0);
  });

  it('hasFormat: the whole answer, whatever the flags of the pattern', () => {
    const reward = hasFormat(/<think>.*<\/think>\d+|\d/gs);
    expect(of(reward, answer('<think>2 and 2\nare</think>4'))).toBe(1);
    expect(of(reward, answer('4'))).toBe(1);
    expect(of(reward, answer('44 <think></think>4'))).toBe(0);
    expect(of(reward, answer('<think>2 and 2\nare</think>4'))).toBe(1);
  });

  it('brevity: minus the share of the room that is used', () => {
    expect(of(brevity, answer('4', { tokens: 5, maxTokens: 20 }))).toBe(-0.25);
  });
});

describe('concise', () => {
  const reward = concise({ isRight: ({ answer }, completion) => completion.endsWith(`=${answer}`) });

  it('gives right answers more than wrong ones, whatever their lengths, and short ones more than long ones', () => {
    expect(of(reward, answer('=4', { tokens: 2 }))).toBeCloseTo(0.97, 12);
    expect(of(reward, answer('2,4=4', { tokens: 20 }))).toBeCloseTo(0.7, 12);
    expect(of(reward, answer('=5', { tokens: 1 }))).toBe(0);
    expect(of(reward, answer('=4', { ended: false }))).toBe(0);
  });
});

describe('vote', () => {
  const afterEquals = {
    answerOf: (text: string) => (text.includes('=') ? text.slice(text.lastIndexOf('=') + 1) : null),
  };
  const votes = async (texts: readonly string[], task = afterEquals as Parameters<typeof vote>[0]) => {
    const group = texts.map((text) => ({ completion: text.replace('...', ''), ended: !text.endsWith('...') }));
    return scoreAnswers(
      vote(task),
      group.map(({ completion, ended }) => answer(completion, { ended, group })),
    );
  };

  it.each<[what: string, texts: string[], expected: number[]]>([
    ['most of those that say something decide, however they came to it', ['27=7', '28=8', '=7'], [1, 0, 1]],
    ['cut-off answers and those without a result neither vote nor win', ['=1...', '=1...', '12', '=2'], [0, 0, 0, 1]],
    ['all results with the most votes win', ['=1', '=2', '=1', '=2', '=3'], [1, 1, 1, 1, 0]],
    ['a group that agrees on nothing', ['=1', '=2', '=3'], [1, 1, 1]],
    ['a group that says nothing', ['1...', '2'], [0, 0]],
  ])('%s', async (_, texts, expected) => {
    expect(await votes(texts)).toEqual(expected);
  });

  it('compares whole answers where the task has no format', async () => {
    expect(await votes(['a', ' a', 'b'], {})).toEqual([1, 1, 0]);
  });
});

describe('sumOfRewards', () => {
  it('weighs and adds, and waits only where there is something to wait for', async () => {
    const sum = sumOfRewards([
      [() => 2, 0.5],
      [() => 3, -1],
    ]);
    expect(of(sum, answer('4'))).toBe(-2);
    expect(await of(sumOfRewards([[async () => 2, 3]]), answer('4'))).toBe(6);
  });
});

describe('scoreAnswers', () => {
  const answers = [answer('1'), answer('22'), answer('333')];

  it('keeps the order, of promises too', async () => {
    expect(await scoreAnswers((_, text) => text.length, answers)).toEqual([1, 2, 3]);
    const late: Reward = (_, text) => new Promise((resolve) => setTimeout(() => resolve(text.length), 4 - text.length));
    expect(await scoreAnswers(late, answers)).toEqual([1, 2, 3]);
    expect(await scoreAnswers(() => 1, [])).toEqual([]);
  });

  it.each<[what: string, reward: Reward, message: string]>([
    [
      'NaN',
      (_, text) => (text === '22' ? Number.NaN : 0),
      'expected a finite number, found NaN, given the answer "22"',
    ],
    ['nothing', (() => undefined) as unknown as Reward, 'expected a finite number, found undefined'],
    ['a promise of infinity', async () => 1 / 0, 'expected a finite number, found Infinity'],
    ['an error', (_, text) => JSON.parse(`[${text}`).length, 'the function threw "'],
    ['a rejected promise', () => Promise.reject(new Error('no judge')), 'the function threw "no judge"'],
    ['something thrown that is no error', () => Promise.reject('no judge'), 'the function threw "no judge"'],
  ])('says what is wrong, and with which answer: %s', async (_, reward, message) => {
    const scored = scoreAnswers(reward, answers);
    await expect(scored).rejects.toThrow(UserError);
    await expect(scored).rejects.toThrow(message);
    await expect(scored).rejects.toThrow('to "2+2"');
  });

  it('ends a function that does not come to an end, and names the answer', async () => {
    const endless: Reward = (_, text) => {
      while (text === '22');
      return 0;
    };
    const limits = { compute: 0.2, wait: 0.2 };
    const message = 'given the answer "22" to "2+2", took more than 0.2 seconds';
    await expect(scoreAnswers(endless, answers, limits)).rejects.toThrow(message);
    await expect(scoreAnswers(sumOfRewards([[endless, 1]]), answers, limits)).rejects.toThrow(message);
    const silent: Reward = (_, text) => (text === '22' ? new Promise(() => {}) : 0);
    await expect(scoreAnswers(silent, answers, limits)).rejects.toThrow(message);
  });
});
