// The file of `--trace`.

import { parseRoutingTrace, type RoutingTrace } from '../../../cluster/routing-trace.ts';
import { readJson } from './read-json.ts';

export const traceHelp = 'routing recorded with `cluster trace`';

/** @throws {UserError} for a file that is missing, or no trace */
export function readTrace(path: string): RoutingTrace {
  return parseRoutingTrace(readJson(path, 'trace', 'record a trace with `tinyseek cluster trace`'), path);
}
