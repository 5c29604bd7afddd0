// The settings of the way from expert to student.

import * as z from 'zod';
import { createRandom } from '../../data/random.ts';
import { UserError } from '../../errors.ts';
import { trainingProblem } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';

const wholeFrom = (least: number) => z.int().min(least);

/** What decides the result, as `distil.json` records it; plain data. */
export interface DistilSettings {
  readonly task: string;
  /** The model that expert and student start from; null: a miniature from scratch. */
  readonly init: string | null;
  /** The chat template of both; null: that of the model, or `plain`. */
  readonly template: string | null;
  /** Kinds of samples that the expert learns first, with shares: see `parseSolutions`. */
  readonly solutions: string;
  /** The rate of both runs of SFT; null: that of `sft`. */
  readonly learningRate: number | null;
  readonly sftSteps: number;
  readonly rlSteps: number;
  /** Problems that the expert is asked. */
  readonly problems: number;
  /** Answers to each. */
  readonly samples: number;
  readonly studentSteps: number;
  readonly seed: number;
}

const schema: z.ZodType<DistilSettings> = z.strictObject({
  task: z.string(),
  init: z.string().nullable(),
  template: z.string().nullable(),
  solutions: z.string(),
  learningRate: z.number().positive().nullable(),
  sftSteps: wholeFrom(1),
  rlSteps: wholeFrom(1),
  problems: wholeFrom(2),
  samples: wholeFrom(1),
  studentSteps: wholeFrom(1),
  seed: wholeFrom(0),
});

/** What settings are where none are given; the kinds of samples follow from the task. */
export const defaultDistilSettings: Omit<DistilSettings, 'task' | 'init' | 'solutions'> = {
  template: null,
  learningRate: null,
  sftSteps: 400,
  rlSteps: 40,
  problems: 4000,
  samples: 4,
  studentSteps: 400,
  seed: 0,
};

/** The system prompt that asks for long answers, and the one that stands before problems otherwise. */
export const marks = { told: '!', untold: ';' } as const;

/**
 * The report's two kinds of samples (section 5.1): half of them have the system prompt that asks to reflect and check,
 * and a long answer; of the others, which have the original answer, one in ten is long.
 *
 * Example, a task with `direct`, `steps` and `twice`:
 * `steps@!:0.25,twice@!:0.25,direct@;:0.45,steps@;:0.025,twice@;:0.025`.
 *
 * @throws {UserError} for a task without long solutions.
 */
export function expertSolutions(task: Task): string {
  const { solutions = {} } = trainingProblem(task, createRandom('kinds of solutions'));
  const long = ['steps', 'twice'].filter((kind) => kind in solutions);
  if (long.length === 0) {
    throw new UserError(
      `distil: the task ${task.name} has no solutions with steps, from which an expert could learn to write them; ` +
        'name the kinds that it has with --solutions, or give its problems solutions called steps',
    );
  }
  const short = 'direct' in solutions ? 'direct' : 'answer';
  const each = (mark: string, share: number) => long.map((kind) => `${kind}@${mark}:${share / long.length}`);
  return [...each(marks.told, 0.5), `${short}@${marks.untold}:0.45`, ...each(marks.untold, 0.05)].join(',');
}

/** @throws {UserError} that names the first setting that is not possible. */
export function validateDistil(settings: unknown): DistilSettings {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UserError(`distil: ${path.join('.')}: ${message}`);
}
