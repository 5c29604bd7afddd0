// A judge: what it is shown, what it writes, and what its verdict is worth. No judge is trained here; a model that says
// what a test wants stands in for one.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../../src/backends/backends.ts';
import { createRandom } from '../../../../src/data/random.ts';
import { createCharsTokenizer } from '../../../../src/data/tokenizers/chars.ts';
import { UserError } from '../../../../src/errors.ts';
import { documentPrompt } from '../../../../src/evaluate/evaluate-task.ts';
import { isHeldOut, trainingProblem } from '../../../../src/evaluate/split.ts';
import { readTask } from '../../../../src/evaluate/task-file.ts';
import { namedTask } from '../../../../src/evaluate/tasks/index.ts';
import { DeepseekV3ForCausalLM } from '../../../../src/model/causal-lm.ts';
import { miniatureModel } from '../../../../src/post-training/miniature.ts';
import {
  judgeAnswers,
  judgeReward,
  pairsRight,
  verdictsRight,
} from '../../../../src/post-training/rewards/judge/judge.ts';
import { judgeMarks, judgeProblem, judgeReply } from '../../../../src/post-training/rewards/judge/judge-text.ts';
import {
  judgeConversations,
  judgeTaskLines,
  preferencePairs,
} from '../../../../src/post-training/rewards/judge/pairs.ts';
import { scoreAnswers } from '../../../../src/post-training/rewards/reward.ts';
import { tf } from '../../../../src/tensor/tf.ts';

const task = namedTask('chain');
const marks = judgeMarks(task);
const tokenizer = await createCharsTokenizer([task.alphabet!]);
const problem = { prompt: '0b*bb*aa:', answer: '0', solutions: { direct: '=0', steps: '2791890=0' } };
const pair = { problem, right: '2791890=0', wrong: '27=7' };

let model: DeepseekV3ForCausalLM;
beforeAll(async () => {
  await activateBackend('engine', { threads: 1 });
  const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
  model = new DeepseekV3ForCausalLM({ ...miniatureModel, vocabSize, bosTokenId, eosTokenId, initializerRange: 0.3 }, 5);
});

describe('what a judge reads and writes', () => {
  it('marks are characters of the task, or signs that its judge has to know', () => {
    expect(marks).toEqual({ asks: '?', good: 'a', bad: 'b' });
    expect(judgeMarks(namedTask('addition'))).toEqual({ asks: '|', good: '+', bad: '-' });
  });

  it('writes its solution, what it was shown, and the verdict; or the verdict at once', () => {
    expect(judgeProblem(problem, pair.right, marks).prompt).toBe('0b*bb*aa:2791890=0?');
    expect(judgeReply(problem, pair.right, true, 'thinks', marks)).toBe('2791890=00a');
    expect(judgeReply(problem, pair.wrong, false, 'thinks', marks)).toBe('2791890=07b');
    expect(judgeReply(problem, '', false, 'thinks', marks)).toBe('2791890=0?b');
    expect(judgeReply(problem, pair.wrong, false, 'at-once', marks)).toBe('b');
  });

  it('cannot think about a problem without solutions', () => {
    const bare = { prompt: '1+1', answer: '2' };
    expect(() => judgeReply(bare, '2', true, 'thinks', marks)).toThrow(UserError);
    expect(() => judgeReply(bare, '2', true, 'thinks', marks)).toThrow('let the judge answer at once');
  });

  it('conversations to train on, and a task to measure verdicts with', async () => {
    const [right, wrong] = judgeConversations([pair], task, 'thinks').map(({ turns }) => turns);
    expect(right!.map(({ content }) => content)).toEqual(['0b*bb*aa:2791890=0?', '2791890=00a']);
    expect(wrong!.map(({ content }) => content)).toEqual(['0b*bb*aa:27=7?', '2791890=07b']);
    const verdicts = readTask(
      judgeTaskLines([pair], task)
        .map((line) => JSON.stringify(line))
        .join('\n'),
      'x',
    );
    const [asked] = verdicts.problems!;
    expect(verdicts.name).toBe('verdicts on chain');
    expect([await verdicts.isRight(asked!, '2791890=00a'), await verdicts.isRight(asked!, 'b')]).toEqual([true, false]);
  });
});

describe('preferencePairs', () => {
  /** Nearly every answer of a model with random weights is wrong: right is what this task calls so. */
  const easy = { ...task, isRight: (_: unknown, text: string) => text.length % 2 === 0 };
  const options = {
    task: easy,
    encode: documentPrompt(tokenizer),
    problems: 40,
    samples: 6,
    maxNewTokens: 12,
    seed: 1,
  };

  it('property: one right and one wrong answer to a problem for training, the same for the same seed', async () => {
    const pairs = await preferencePairs(model, tokenizer, options);
    for (const { problem: own, right, wrong } of pairs) {
      expect([right.length % 2, wrong.length % 2, isHeldOut(own)]).toEqual([0, 1, false]);
    }
    expect(await preferencePairs(model, tokenizer, options)).toEqual(pairs);
    const held = await preferencePairs(model, tokenizer, { ...options, heldOut: true });
    expect(held.every(({ problem: own }) => isHeldOut(own))).toBe(true);
  });

  it('says so where there are none', async () => {
    const never = { ...options, task: { ...task, isRight: () => false } };
    await expect(preferencePairs(model, tokenizer, never)).rejects.toThrow('gave no pair of a right and a wrong one');
  });
});

describe('judgeAnswers', () => {
  const problems = Array.from({ length: 7 }, (_, i) => trainingProblem(task, createRandom('p', i)));
  const answers = problems.map((own, i) => ({ problem: own, completion: i % 2 === 0 ? '=1' : '2791890=0' }));

  it('property: scores are probabilities, the same one by one and together, and no tensor stays', async () => {
    const judge = { model, tokenizer, task };
    const before = tf.memory().numTensors;
    const together = await judgeAnswers(judge, answers);
    for (const [i, answer] of answers.entries()) expect(await judgeAnswers(judge, [answer])).toEqual([together[i]]);
    expect(tf.memory().numTensors).toBe(before);
    expect(together.every((score) => score >= 0 && score <= 1)).toBe(true);
  });

  it('an answer that does not fit into the context of the judge is worth 0', async () => {
    const long = { problem, completion: '1'.repeat(miniatureModel.maxPositionEmbeddings) };
    const found = await judgeAnswers({ model, tokenizer, task }, [long, answers[0]!]);
    expect(found[0]).toBe(0);
    expect(await judgeAnswers({ model, tokenizer, task }, [answers[0]!])).toEqual([found[1]]);
  });

  it('as a reward: all answers of a step are judged at once, and one that was cut off is worth 0', async () => {
    let opened = 0;
    const reward = judgeReward(async () => {
      opened++;
      return { model, tokenizer, task };
    });
    const given = answers.map((answer, i) => ({ ...answer, ended: i !== 3, tokens: 3, maxTokens: 9, group: [] }));
    const expected = (await judgeAnswers({ model, tokenizer, task }, answers)).map((score, i) => (i === 3 ? 0 : score));
    expect(await scoreAnswers(reward, given)).toEqual(expected);
    expect(opened).toBe(1);
    expect(await scoreAnswers(reward, given)).toEqual(expected);
  });

  it('property: votes are shares of as many replies, and one vote more or less is seen', async () => {
    for (const votes of [1, 3, 6]) {
      const scores = await judgeAnswers({ model, tokenizer, task, votes }, answers);
      for (const score of scores) expect(Math.round(score * votes)).toBeCloseTo(score * votes, 9);
      expect(await judgeAnswers({ model, tokenizer, task, votes }, answers)).toEqual(scores);
    }
    await expect(judgeAnswers({ model, tokenizer, task, votes: 0 }, answers)).rejects.toThrow(/n must be a whole/);
  });

  it('one by one, an answer that is worth nothing is a true verdict where the answer is wrong', async () => {
    const beyondContext = '1'.repeat(miniatureModel.maxPositionEmbeddings);
    const pairs = [{ problem, right: beyondContext, wrong: beyondContext }];
    expect(await verdictsRight({ model, tokenizer, task }, pairs)).toBe(0.5);
  });

  it('a tie between the answers of a pair counts half', async () => {
    const same = { problem, right: '=1', wrong: '=1' };
    expect(await pairsRight({ model, tokenizer, task }, [same, same])).toBe(0.5);
  });
});
