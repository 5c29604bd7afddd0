// A task by its name or from a file, in Node: problems as JSON Lines, or a module whose default export is a task.

import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { host } from '../data/host.ts';
import { UserError } from '../errors.ts';
import type { Task } from './task.ts';
import { readTask } from './task-file.ts';
import { namedTask } from './tasks/index.ts';

/** @throws UserError for an unknown name, an unreadable file, and a module that exports no task. */
export async function loadTask(spec: string): Promise<Task> {
  const ending = extname(spec).toLowerCase();
  const isData = ending === '.jsonl' || ending === '.ndjson' || ending === '.json';
  const isModule = /^\.[cm]?[jt]s$/.test(ending);
  if (!isData && !isModule) return namedTask(spec);
  if (!existsSync(spec)) throw new UserError(`task: no such file: ${spec}; check the path`);
  const name = basename(spec, extname(spec));
  return isData ? readTask(await host().readText(spec), name) : importTask(spec, name);
}

async function importTask(path: string, name: string): Promise<Task> {
  let found: unknown;
  try {
    found = (await import(pathToFileURL(resolve(path)).href)).default;
  } catch (cause) {
    throw new UserError(`task: ${path} cannot be imported: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (isTask(found)) return { name, description: `The task of ${name}.`, ...found };
  throw new UserError(`task: ${path} has no task as its default export; write \`export default { problem, isRight }\``);
}

function isTask(value: unknown): value is Pick<Task, 'problem' | 'isRight'> {
  const task = typeof value === 'object' && value !== null ? value : {};
  return typeof Reflect.get(task, 'problem') === 'function' && typeof Reflect.get(task, 'isRight') === 'function';
}
