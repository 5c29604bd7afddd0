// Tasks that are generated: what each has to say of itself, and how `chain:operations=5` becomes a task.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import type { Problem, Task } from './task.ts';

/** A number that a kind of task can be given. */
export interface TaskOption {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whether fractions are allowed; absent: whole numbers only. */
  readonly isFraction?: boolean;
  readonly help: string;
}

/** A kind of task: a name, the options it has, and how a task is made of them. */
export interface TaskKind<Options extends Readonly<Record<string, TaskOption>> = Readonly<Record<string, TaskOption>>> {
  readonly name: string;
  readonly description: string;
  readonly options: Options;
  create(values: { readonly [Key in keyof Options]: number }): Omit<Task, 'name' | 'description'>;
}

/** Infers the types of a kind of task. */
export function defineTask<const Options extends Readonly<Record<string, TaskOption>>>(
  kind: TaskKind<Options>,
): TaskKind {
  return kind as unknown as TaskKind;
}

/**
 * The task of a specification: the options follow the name, each after a colon.
 *
 * Example: `chain:operations=5:starShare=0.12`.
 *
 * @throws UserError for an unknown option or a value that it cannot have.
 */
export function createTask(kind: TaskKind, spec: string, settings: readonly string[]): Task {
  const values = new Map(Object.entries(kind.options).map(([key, option]) => [key, option.default]));
  for (const setting of settings) {
    const [key = '', text = ''] = setting.split('=');
    values.set(key, readOption(kind, spec, key, text));
  }
  return { name: spec, description: kind.description, ...kind.create(Object.fromEntries(values)) };
}

function readOption(kind: TaskKind, spec: string, key: string, text: string): number {
  const names = Object.keys(kind.options);
  const option = Object.hasOwn(kind.options, key) ? kind.options[key] : undefined;
  if (option === undefined) {
    const known = names.length === 0 ? 'it has none' : `did you mean ${closest(key, names)}? (${names.join(', ')})`;
    throw new UserError(`task: ${spec}: ${kind.name} has no option ${JSON.stringify(key)}; ${known}`);
  }
  const { min, max, isFraction = false } = option;
  const value = Number(text);
  if (text.trim() !== '' && value >= min && value <= max && (isFraction || Number.isInteger(value))) return value;
  const sort = isFraction ? 'a number' : 'a whole number';
  throw new UserError(`task: ${spec}: ${key} must be ${sort} from ${min} to ${max}, found ${JSON.stringify(text)}`);
}

/** The verifier of tasks whose answer is what follows the last `=`. */
export const afterEquals = {
  answerOf: (completion: string): string | null =>
    completion.includes('=') ? completion.slice(completion.lastIndexOf('=') + 1).trim() : null,
  isRight: ({ answer }: Problem, completion: string): boolean => afterEquals.answerOf(completion) === answer,
};
