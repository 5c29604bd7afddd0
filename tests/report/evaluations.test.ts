// What a run keeps of how it did on tasks, and how its report shows it.

import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { evaluationOf, keepEvaluations, readEvaluations } from '../../src/report/evaluations.ts';
import { renderReport } from '../../src/report/run/render-report.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { useTempFolder } from '../io/helpers.ts';
import { makeRun } from './fixture.ts';
import { htmlProblems } from './html-check.ts';

const path = useTempFolder();

const result = (passAt1: number, isRight: boolean) => ({
  ...{ passAt1, passAtK: 0.9, k: 8, interval: [0.2, 0.6], meanLength: 9.5, ended: 1, problems: 128, temperature: 1 },
  byTrait: { stars: [['0', passAt1, 100] as const, ['1', 0.5, 28] as const].map((row) => [...row]) },
  examples: [{ prompt: '0b<i>:', completion: isRight ? '2=2' : '3=3', isRight }],
});

describe('evaluations.jsonl', () => {
  it('keeps what was found, and of the same question the last answer', () => {
    const dir = dirname(path('x'));
    const [before, after] = [
      evaluationOf('chain', 0, '', result(0.4, false)),
      evaluationOf('chain', 7, '', result(0.9, true)),
    ];
    keepEvaluations(dir, [after, evaluationOf('chain', 0, '', result(0.1, false))]);
    keepEvaluations(dir, [before]);
    expect(readEvaluations(dir)).toEqual([before, after]);
    expect(before.byTrait).toEqual({
      stars: [
        ['0', 0.4, 100],
        ['1', 0.5, 28],
      ],
    });
    appendFileSync(path('evaluations.jsonl'), '{"task": "chain", "found": {}}\n[]\n{"task":');
    expect(readEvaluations(dir)).toEqual([before, after]);
    writeFileSync(path('evaluations.jsonl'), '');
    expect(readEvaluations(dir)).toEqual([]);
  });
});

describe('the report of a run that learns a task', () => {
  const plain = makeRun({ steps: 40 });
  const metrics = plain.metrics.map((line) => ({
    ...line,
    ...{ 'grpo/reward': 0.4, 'grpo/pass_at_1': 0.3, 'grpo/length': 9, 'grpo/kl': 0.1, 'grpo/entropy': 0.2 },
    ...{ 'grpo/clipped': 0.01, 'grpo/silent_groups': 3, 'grpo/critic_loss': 0.1 },
    ...(line.step % 39 === 0 ? { 'task/pass_at_1': 0.3, 'task/pass_at_k': 0.8, 'task/length': 9 } : {}),
  }));
  const evaluations = [
    evaluationOf('chain', 0, '!', result(0.4, false)),
    evaluationOf('chain', 40, '!', result(0.9, true)),
  ];
  const source = renderReport([{ ...plain, metrics, evaluations }]);
  const ids = ['reward', 'pass-rates', 'answer-length', 'kl', 'entropy', 'clipped', 'silent-groups', 'critic-loss'];

  it('has a chart of each number', () => {
    expect([...figuresOf(source).keys()]).toEqual(expect.arrayContaining(ids));
    expect(htmlProblems(source)).toEqual([]);
  });

  it('shows results, traits, and answers before and after', () => {
    const { document } = parseHTML(source);
    const captions = Array.from(document.querySelectorAll('#tasks caption'), ({ textContent }) => textContent);
    expect(captions).toEqual([
      'Problems of chain',
      'chain by the traits of a problem, step 40',
      'Answers to problems of chain',
    ]);
    const text = document.querySelector('#tasks')?.textContent ?? '';
    for (const shown of ['40.0 %', '90.0 %', 'before training', '20 to 60 %', '0b<i>:', '3=3', '2=2', 'after “!”']) {
      expect(text).toContain(shown);
    }
  });

  it('has no such section without a task', () => {
    const ids = [...figuresOf(renderReport([plain])).keys()];
    expect(ids.filter((id) => id === 'reward' || id === 'kl')).toEqual([]);
    expect(renderReport([plain])).not.toContain('Answers to problems');
  });
});
