// What a run of supervised fine-tuning does besides training on its samples: it measures a task, stops when that goes
// well enough, and shows an answer.

import type { Turn } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';
import { endTokens, evaluateTask, type TaskResult } from '../../evaluate/evaluate-task.ts';
import { someHeldOut } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import { describeTask, taskMetrics } from '../../evaluate/task-report.ts';
import { sampleBatch } from '../../generate/batch/sample-batch.ts';
import { createRandom } from '../../data/random.ts';
import type { JsonObject } from '../../io/json.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { TrainingMethod } from '../../train/method.ts';
import type { TemplateEncoder } from './encode-conversation.ts';

export interface SftMethodOptions {
  /** What is recorded of the run: see `TrainingMethod`. */
  readonly settings: JsonObject;
  readonly task: Task | null;
  readonly tokenizer: Tokenizer;
  readonly encoder: TemplateEncoder;
  /** The run ends when pass@1 is at least this; null: at its planned end. */
  readonly stopAt: number | null;
  /** A conversation that is held out, up to its last answer, as an example of what the model writes. */
  readonly example: readonly Turn[];
}

/** Problems and answers to each: many for what is reported, fewer for the question whether to stop. */
const measured = { problems: 128, samples: 8 };
const glance = { problems: 64, samples: 4 };
const stepsBetweenGlances = 3;
const exampleTokens = 64;

/** Training on rows of samples; with a task it is measured before and after, and while it runs. */
export function sftMethod(options: SftMethodOptions): TrainingMethod {
  const { settings, task, stopAt } = options;
  return {
    name: 'sft',
    settings,
    ...(task === null
      ? {}
      : {
          measure: async ({ model }) => {
            const found = await ask(model, task, measured, options);
            return { result: { ...found }, metrics: taskMetrics(found), text: describeTask(task.name, found) };
          },
        }),
    ...(task === null || stopAt === null
      ? {}
      : {
          isDone: async ({ model }, step) => {
            if (step % stepsBetweenGlances !== 0) return false;
            return (await ask(model, task, glance, options)).passAt1 >= stopAt;
          },
        }),
    example: ({ model }) => writeExample(model, options),
  };
}

async function ask(
  model: DeepseekV3ForCausalLM,
  task: Task,
  { problems, samples }: typeof measured,
  { tokenizer, encoder }: SftMethodOptions,
): Promise<TaskResult> {
  const found = await evaluateTask(model, tokenizer, task, {
    problems: someHeldOut(task, problems),
    samples,
    prompt: ({ prompt }) => encoder.prompt([{ role: 'user', content: prompt }]),
  });
  if (found === null) throw new Error('internal: an evaluation without a signal was ended by one');
  return found;
}

/** The most likely answer to a held-out conversation. */
async function writeExample(model: DeepseekV3ForCausalLM, { tokenizer, encoder, example }: SftMethodOptions) {
  const prompt = encoder.prompt(example);
  const room = model.config.maxPositionEmbeddings - prompt.length;
  const [[answer] = []] = await sampleBatch(model, [prompt], {
    temperature: 0,
    maxNewTokens: Math.max(1, Math.min(exampleTokens, room)),
    random: createRandom('example'),
    endTokenIds: endTokens(tokenizer),
  });
  return { prompt: example.map(({ content }) => content).join('\n'), text: tokenizer.decode(answer!.ids) };
}
