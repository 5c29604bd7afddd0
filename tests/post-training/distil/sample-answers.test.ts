// Rejection sampling: what is drawn, and what is kept of it.

import { beforeAll, describe, expect, it } from 'vitest';
import '../../../src/node.ts';
import { activateBackend } from '../../../src/backends/backends.ts';
import { createCharsTokenizer } from '../../../src/data/tokenizers/chars.ts';
import { isHeldOut, trainingProblems } from '../../../src/evaluate/split.ts';
import { readTask } from '../../../src/evaluate/task-file.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import {
  conversationOf,
  type JudgedAnswer,
  keepAnswers,
  sampleAnswers,
  summarizeSampling,
} from '../../../src/post-training/distil/sample-answers.ts';
import { smallConfig } from '../../model/small-model.ts';

const chain = namedTask('chain:operations=3');

const answer = (completion: string, isRight: boolean, prompt = '0ab:'): JudgedAnswer => ({
  problem: { prompt, answer: '3' },
  completion,
  isRight,
  ended: true,
  tokens: completion.length + 1,
  maxTokens: 20,
  group: [],
  ids: [],
  logps: [],
  promptIds: [],
});

const groups = [
  [answer('13=3', true), answer('=3', true), answer('=2', false), answer('=3', true)],
  [answer('=9', false), answer('=8', false)],
  [answer('44=4', true), answer('44=4', true), answer('4=4', true)],
];

describe('keepAnswers', () => {
  const texts = (rule: 'shortest' | 'right') => keepAnswers(groups, rule).map(({ completion }) => completion);

  it('keeps the shortest right answer of each problem that has one', () => {
    expect(texts('shortest')).toEqual(['=3', '4=4']);
  });

  it('or all right answers, each once', () => {
    expect(texts('right')).toEqual(['=3', '13=3', '4=4', '44=4']);
  });

  it('says what came of it', () => {
    const found = summarizeSampling(groups, keepAnswers(groups, 'shortest'));
    expect(found).toMatchObject({ problems: 3, samples: 4, right: 6 / 9, solved: 2 / 3, kept: 2, keptLength: 3.5 });
    expect(summarizeSampling([], [])).toMatchObject({ problems: 0, kept: 0, keptLength: 0 });
  });

  it('makes a conversation of the problem and the answer alone', () => {
    expect(conversationOf(answer('=3', true))).toEqual([
      { role: 'user', content: '0ab:' },
      { role: 'assistant', content: '=3' },
    ]);
  });
});

describe('trainingProblems', () => {
  it('are different ones, none of which is measured on, and the same for the same seed', () => {
    const found = trainingProblems(chain, 50, 3);
    expect(new Set(found.map(({ prompt }) => prompt)).size).toBe(50);
    expect(found.some(isHeldOut)).toBe(false);
    expect(trainingProblems(chain, 50, 3)).toEqual(found);
    expect(trainingProblems(chain, 50, 4)).not.toEqual(found);
  });

  it('are as many as there are', () => {
    const few = trainingProblems(namedTask('chain:operations=1:modulus=3'), 1000, 0);
    expect(few.length).toBeGreaterThan(0);
    expect(few.length).toBeLessThanOrEqual(9);
    const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `p${i}`, answer: 'a' }));
    const listed = trainingProblems(readTask(lines.join('\n'), 'list'), 10, 0);
    expect([listed.length, listed.some(isHeldOut)]).toEqual([10, false]);
  });
});

describe('sampleAnswers', () => {
  beforeAll(() => activateBackend('engine', { threads: 1 }));

  it('judges every answer, calls none right that did not end, and draws the same again', async () => {
    const tokenizer = await createCharsTokenizer([chain.alphabet!]);
    const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
    const model = new DeepseekV3ForCausalLM({ ...smallConfig, vocabSize, bosTokenId, eosTokenId }, 0);
    const problems = trainingProblems(chain, 130, 0);
    const always = { ...chain, isRight: () => true };
    const progress: number[] = [];
    const options = { problems, samples: 3, maxNewTokens: 12, onProgress: (done: number) => progress.push(done) };
    const found = (await sampleAnswers(model, tokenizer, always, options))!;
    expect([found.length, found.flat().length, progress]).toEqual([130, 390, [128, 130]]);
    for (const { isRight, ended, tokens, ids, group } of found.flat()) {
      expect([isRight, tokens, group.length]).toEqual([ended, ids.length, 3]);
    }
    expect(new Set(found.flat().map(({ ended }) => ended)).size).toBe(2);
    expect(await sampleAnswers(model, tokenizer, always, options)).toEqual(found);
    expect(await sampleAnswers(model, tokenizer, always, { ...options, signal: AbortSignal.abort() })).toBeNull();
    await expect(sampleAnswers(model, tokenizer, chain, { problems: [] })).rejects.toThrow('has no problems to answer');
    model.dispose();
  });
});
