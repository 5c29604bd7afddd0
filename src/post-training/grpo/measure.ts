// How good a model is at the task it is trained on: what is printed before and after training.

import type { Tokenizer } from '../../data/types.ts';
import { evaluateTask, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import { someHeldOut } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import { describeTask, taskMetrics } from '../../evaluate/task-report.ts';
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
  const problems = someHeldOut(task, problemCount);
  const found = await evaluateTask(model, tokenizer, task, { problems, samples, maxNewTokens, prompt: encode });
  if (found === null) throw new Error('internal: an evaluation without a signal was ended by one');
  return { result: { ...found }, metrics: taskMetrics(found), text: describeTask(task.name, found) };
}
