// Answers of the model as it is now, to several problems, a group for each: what reinforcement learning learns from.

import type { Random } from '../../data/random.ts';
import type { Tokenizer } from '../../data/types.ts';
import { endTokens, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import type { Problem, Task } from '../../evaluate/task.ts';
import { type SampledAnswer, sampleBatch } from '../../generate/batch/sample-batch.ts';
import { TextStream } from '../../generate/batch/text-stream.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Answer } from '../rewards/reward.ts';

/** An answer with its tokens, and how likely each was when it was drawn. */
export interface Rollout extends Answer, SampledAnswer {
  readonly promptIds: readonly number[];
}

export interface RolloutOptions {
  /** Where an answer ends, besides at an end token: at the task's `stop`, or after its `answerTokens`. */
  readonly task: Pick<Task, 'stop' | 'answerTokens'>;
  /** Answers to each problem. */
  readonly group: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly random: Random;
}

/**
 * Answers to each problem from the live weights, by problem: see `sampleBatch`.
 *
 * @throws {UserError} when a prompt and `maxNewTokens` do not fit into the model's context.
 */
export async function rollOut(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  problems: readonly Problem[],
  encode: PromptEncoder,
  { task, group, maxNewTokens, temperature, random }: RolloutOptions,
): Promise<Rollout[][]> {
  const prompts: (readonly number[])[] = [];
  for (const problem of problems) prompts.push(await encode(problem));
  const endTokenIds = endTokens(tokenizer);
  const { stop, answerTokens = Number.POSITIVE_INFINITY } = task;
  const answers = await sampleBatch(model, prompts, {
    ...{ n: group, temperature, random, endTokenIds },
    maxNewTokens: Math.min(maxNewTokens, answerTokens),
    ...(stop === undefined ? {} : { stop: stopper(tokenizer, stop) }),
  });
  return answers.map((own, i) => {
    const texts = own.map(({ ids, ended }) => ({
      completion: completionOf(ids, stop, tokenizer),
      ended: ended || ids.length === answerTokens,
    }));
    return own.map((answer, n) => ({
      ...answer,
      ...texts[n]!,
      problem: problems[i]!,
      promptIds: prompts[i]!,
      tokens: answer.ids.length,
      maxTokens: maxNewTokens,
      group: texts,
    }));
  });
}

/** Says with which of its tokens the text of an answer has come to the end of `stop`. */
const stopper = (tokenizer: Tokenizer, stop: string) => () => {
  const text = new TextStream(tokenizer, [stop]);
  return (id: number): boolean => text.push(id).stopped;
};

/** The text of an answer without what ended it. */
function completionOf(ids: readonly number[], stop: string | undefined, tokenizer: Tokenizer): string {
  const text = tokenizer.decode(endTokens(tokenizer).includes(ids.at(-1)!) ? ids.slice(0, -1) : ids);
  const end = stop === undefined ? -1 : text.indexOf(stop);
  return end < 0 ? text : text.slice(0, end);
}
