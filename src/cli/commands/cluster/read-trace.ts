// The file of `--trace`.

import { readFileSync } from 'node:fs';
import { parseRoutingTrace, type RoutingTrace } from '../../../cluster/routing-trace.ts';
import { UserError } from '../../../errors.ts';
import { explainFsErrors } from '../../../io/file-system.ts';

export const traceHelp = 'routing recorded with `cluster trace`';

/** @throws {UserError} for a file that is missing, or no trace */
export function readTrace(path: string): RoutingTrace {
  const text = explainFsErrors('trace: cannot read', path, () => readFileSync(path, 'utf8'));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`trace: ${path}: not valid JSON; record one with \`tinyseek cluster trace\``);
  }
  return parseRoutingTrace(value, path);
}
