// The tasks by name.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import type { Task } from '../task.ts';
import { createTask, type TaskKind } from '../task-kind.ts';
import { addition, multiplication } from './arithmetic.ts';
import { chain } from './chain.ts';
import { countdown } from './countdown.ts';
import { program } from './program.ts';
import { lookbackTask, needleTask, recallTask } from './recall.ts';
import { copy, parity, sorting } from './sequences.ts';
import { words } from './words.ts';

/** The kinds of tasks that are generated, in the order in which they are listed. */
export const taskKinds: readonly TaskKind[] = [
  ...[chain, addition, multiplication, parity, sorting, countdown, copy, words, program],
  ...[recallTask, needleTask, lookbackTask],
];

/**
 * A task by its specification: a name, and options after colons (`chain:operations=5:starShare=0.12`).
 *
 * @throws UserError for an unknown name, with the nearest one, and for options that the task does not have.
 */
export function namedTask(spec: string): Task {
  const [name = '', ...settings] = spec.split(':');
  const kind = taskKinds.find((known) => known.name === name);
  if (kind !== undefined) return createTask(kind, spec, settings);
  const names = taskKinds.map((known) => known.name);
  throw new UserError(
    `task: unknown task ${JSON.stringify(name)}; did you mean ${closest(name, names)}? Known are ${names.join(', ')}, ` +
      'and the path of a JSON Lines file with problems',
  );
}
