// Answers of the model as it is now, to several problems, a group for each: what reinforcement learning learns from.

import type { Random } from '../../data/random.ts';
import type { Tokenizer } from '../../data/types.ts';
import { endTokens, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import type { Problem } from '../../evaluate/task.ts';
import { type SampledAnswer, sampleBatch } from '../../generate/batch/sample-batch.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Answer } from '../rewards/reward.ts';

/** An answer with its tokens, and how likely each was when it was drawn. */
export interface Rollout extends Answer, SampledAnswer {
  readonly promptIds: readonly number[];
}

export interface RolloutOptions {
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
  { group, maxNewTokens, temperature, random }: RolloutOptions,
): Promise<Rollout[][]> {
  const prompts: (readonly number[])[] = [];
  for (const problem of problems) prompts.push(await encode(problem));
  const endTokenIds = endTokens(tokenizer);
  const answers = await sampleBatch(model, prompts, { n: group, temperature, random, maxNewTokens, endTokenIds });
  return answers.map((own, i) => {
    const texts = own.map(({ ids, ended }) => ({
      completion: tokenizer.decode(ended ? ids.slice(0, -1) : ids),
      ended,
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
