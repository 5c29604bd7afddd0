// How good a model is at the task it is trained on: what is printed before and after training.

import type { Tokenizer } from '../../data/types.ts';
import { evaluateTask, type PromptEncoder, type TaskResult } from '../../evaluate/evaluate-task.ts';
import { heldOutProblems } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Measurement } from '../../train/method.ts';

/** Problems that are measured on, and answers to each: enough for an interval of some points. */
const problemCount = 128;
const samples = 8;

interface MeasureSetting {
  readonly task: Task;
  readonly tokenizer: Tokenizer;
  readonly encode: PromptEncoder;
  readonly maxNewTokens: number;
}

/** Lets the model answer held-out problems at temperature 1, several times each. */
export async function measureTask(
  model: DeepseekV3ForCausalLM,
  { task, tokenizer, encode, maxNewTokens }: MeasureSetting,
): Promise<Measurement> {
  const problems = heldOutProblems(task, problemCount);
  const found = await evaluateTask(model, tokenizer, task, { problems, samples, maxNewTokens, prompt: encode });
  if (found === null) throw new Error('internal: an evaluation without a signal was ended by one');
  return { result: { ...found }, metrics: metricsOf(found), text: describeResult(task.name, found) };
}

function metricsOf({ passAt1, passAtK, meanLength, ended, formatted }: TaskResult): Record<string, number> {
  return {
    'task/pass_at_1': passAt1,
    'task/pass_at_k': passAtK,
    'task/length': meanLength,
    'task/ended': ended,
    'task/formatted': formatted,
  };
}

/** A result in one line. */
export function describeResult(name: string, { passAt1, passAtK, k, interval, meanLength, ended }: TaskResult): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const [low, high] = interval.map((bound) => (100 * bound).toFixed(0));
  return (
    `${name}: pass@1 ${percent(passAt1)} (${low} to ${high}), pass@${k} ${percent(passAtK)}, ` +
    `${meanLength.toFixed(1)} tokens an answer, ${percent(ended)} ended`
  );
}
