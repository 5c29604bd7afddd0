// One line on standard error for each request that the server has answered.

import type { RequestRecord } from '../serve/exchanges.ts';
import { truncate } from './terminal/cells.ts';
import { print } from './terminal/print.ts';
import { printable } from './terminal/text.ts';

const mostCells = 60;

/** `23:05:01 POST /v1/completions 200, 8 + 16 tokens, 0.42 s`, in local time; why, if it was not answered in full. */
export function requestLine({ method, path, status, seconds, usage, problem }: RequestRecord, time: Date): string {
  const parts = [
    `${time.toTimeString().slice(0, 8)} ${method} ${truncate(printable(path), mostCells)} ${status ?? '---'}`,
    ...(usage === null ? [] : [`${usage.prompt_tokens} + ${usage.completion_tokens} tokens`]),
    `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`,
  ];
  // A problem may quote the request, which may be anything.
  const why = problem === null ? '' : `: ${printable(problem).replace(/[\n\t]/g, ' ')}`;
  return parts.join(', ') + why;
}

/** Prints the line of a request; a bug of ours with its stack. */
export function logRequest(record: RequestRecord): void {
  print(process.stderr, [requestLine(record, new Date())]);
  if (record.bug !== null) console.error(record.bug);
}
