// What an evaluation on a task found, as keys of the metrics and as a line for people.

import type { TaskResult } from './evaluate-task.ts';

/** Keys of a line of `metrics.jsonl`. */
export function taskMetrics({ passAt1, passAtK, meanLength, ended, formatted }: TaskResult): Record<string, number> {
  return {
    'task/pass_at_1': passAt1,
    'task/pass_at_k': passAtK,
    'task/length': meanLength,
    'task/ended': ended,
    'task/formatted': formatted,
  };
}

/** Example: `chain: pass@1 47.4 % (43 to 52), pass@8 93.0 %, 10.0 tokens an answer, 100.0 % ended`. */
export function describeTask(name: string, { passAt1, passAtK, k, interval, meanLength, ended }: TaskResult): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const [low, high] = interval.map((bound) => (100 * bound).toFixed(0));
  const several = k === 1 ? '' : `pass@${k} ${percent(passAtK)}, `;
  return (
    `${name}: pass@1 ${percent(passAt1)} (${low} to ${high}), ${several}` +
    `${meanLength.toFixed(1)} tokens an answer, ${percent(ended)} ended`
  );
}
