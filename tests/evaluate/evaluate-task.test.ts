// Models that answer: counted by a rule, and choices scored by their probability.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { evaluateChoices } from '../../src/evaluate/evaluate-choices.ts';
import { documentPrompt, evaluateTask } from '../../src/evaluate/evaluate-task.ts';
import { heldOutProblems } from '../../src/evaluate/split.ts';
import type { Task } from '../../src/evaluate/task.ts';
import { readTask } from '../../src/evaluate/task-file.ts';
import { namedTask } from '../../src/evaluate/tasks/index.ts';
import { verifyAll } from '../../src/evaluate/verify.ts';
import { scoreTokens } from '../../src/generate/score.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { smallConfig } from '../model/small-model.ts';
import '../../src/node.ts';

const tokenizer = await createTokenizer('bytes', () => []);
const config = { ...smallConfig, vocabSize: tokenizer.vocabSize, bosTokenId: 256, eosTokenId: 257 };
const task = namedTask('chain:operations=3');
const problems = heldOutProblems(task, 20);
let model: DeepseekV3ForCausalLM;

beforeAll(async () => {
  await activateBackend('engine', { threads: 1 });
  model = new DeepseekV3ForCausalLM(config, 3);
});
afterAll(() => model.dispose());

/** A task whose verifier is given. */
const judging = (isRight: Task['isRight']): Task => ({ ...task, isRight });

describe('evaluateTask', () => {
  it('gives the same answers for the same seed, and counts what the rule says', async () => {
    const anything = { ...judging(() => true), stop: '' };
    const options = { problems, samples: 3, maxNewTokens: 5 };
    const { stop: _, ...ending } = anything;
    const first = await evaluateTask(model, tokenizer, ending, options);
    expect(await evaluateTask(model, tokenizer, ending, options)).toEqual(first);
    expect(first).toMatchObject({ k: 3, problems: 20, temperature: 1 });
    // Only answers that end by themselves are right.
    expect(first!.passAt1).toBeCloseTo(first!.ended, 12);
    expect(await evaluateTask(model, tokenizer, ending, { ...options, seed: 1 })).not.toEqual(first);
  });

  it('takes the most likely token for one sample, and ends answers where the task says', async () => {
    const greedy = await evaluateTask(model, tokenizer, task, { problems, maxNewTokens: 6 });
    expect(greedy).toMatchObject({ k: 1, temperature: 0, passAtK: greedy!.passAt1 });
    const { completion } = greedy!.examples[0]!;
    const cut = { ...judging(() => true), stop: completion.charAt(2) };
    const [example] = (await evaluateTask(model, tokenizer, cut, { problems, maxNewTokens: 6 }))!.examples;
    expect(example).toMatchObject({ completion: completion.slice(0, completion.indexOf(cut.stop)), isRight: true });
  });

  it('ends early by a signal, and reports its progress', async () => {
    const done: number[] = [];
    const onProgress = (count: number) => void done.push(count);
    await evaluateTask(model, tokenizer, task, { problems, maxNewTokens: 2, onProgress });
    expect(done).toEqual([20]);
    expect(await evaluateTask(model, tokenizer, task, { problems, signal: AbortSignal.abort() })).toBeNull();
  });

  it('refuses answers beyond the context', async () => {
    const attempt = evaluateTask(model, tokenizer, task, { problems, maxNewTokens: 9999 });
    await expect(attempt).rejects.toThrow(/does not fit into the model's context/);
  });
});

describe('a verifier', () => {
  const attempts = [{ problem: problems[0]!, completion: 'abc' }];

  it('that throws is named, with the completion', async () => {
    const broken = judging(() => {
      throw new Error('no such key');
    });
    await expect(verifyAll(broken, attempts)).rejects.toThrow(UserError);
    await expect(verifyAll(broken, attempts)).rejects.toThrow(
      /the verifier, at the completion "abc" of .* threw an error: no such key/,
    );
  });

  it('that never ends is ended', { timeout: 60_000 }, async () => {
    const endless = judging(() => {
      for (;;);
    });
    await expect(verifyAll(endless, attempts)).rejects.toThrow(
      /the verifier, at the completion "abc" .* took more than 11 seconds/,
    );
  });
});

describe('evaluateChoices', () => {
  const rows = [
    { query: 'Herons sleep in', choices: ['trees', 'the sea', 'a'], gold: 0 },
    { query: 'Two and two are', choices: ['five thousand', '4'], gold: 1 },
    { query: 'Water is', choices: ['wet', 'dry'], gold: 0 },
  ];
  const chosen = readTask(rows.map((row) => JSON.stringify(row)).join('\n'), 'choices');

  it('property: its accuracies are those of the log probability, by token and by byte', async () => {
    const found = await evaluateChoices(model, tokenizer, chosen, { problems: chosen.problems! });
    const right = { raw: 0, byByte: 0 };
    for (const { query, choices, gold } of rows) {
      const prompt = await documentPrompt(tokenizer)({ prompt: query, answer: '' });
      const scores: number[] = [];
      for (const choice of choices) {
        const logps = await scoreTokens(model, [...prompt, ...tokenizer.encode(` ${choice}`)]);
        scores.push(logps.slice(prompt.length).reduce<number>((sum, logp) => sum + logp!, 0));
      }
      const best = (values: readonly number[]) => values.indexOf(Math.max(...values));
      right.raw += Number(best(scores) === gold);
      right.byByte += Number(best(scores.map((score, i) => score / (choices[i]!.length + 1))) === gold);
    }
    expect(found).toMatchObject({ problems: 3, accuracy: right.raw / 3, accuracyByByte: right.byByte / 3 });
    expect(found!.accuracyByToken).toBe(found!.accuracyByByte); // a token of this tokenizer is a byte
  });

  it('refuses a problem beyond the context', async () => {
    const long = readTask(JSON.stringify({ query: 'a'.repeat(500), choices: ['b', 'c'], gold: 0 }), 'long');
    await expect(evaluateChoices(model, tokenizer, long, { problems: long.problems! })).rejects.toThrow(
      /reads at most/,
    );
  });
});
