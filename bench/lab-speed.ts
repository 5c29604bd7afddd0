// How fast a run was, from its lines of metrics: the page and Node are read alike.

import { median } from '../src/bench/timing.ts';

export interface SpeedResult {
  /** From step to step, with everything that goes on between two. */
  readonly tokensPerSecond: number;
  /** Of the optimizer steps alone. */
  readonly tokensPerSecondInSteps: number;
  /** Processor time of all threads and processes. */
  readonly cpuSecondsPerStep: number;
}

/** Steps at the beginning that are not counted. */
const warmUp = 5;

/** The median over steps, so that a pause of the machine, an evaluation or a checkpoint does not count. */
export function speedOf(lines: readonly Readonly<Record<string, number>>[]): Omit<SpeedResult, 'cpuSecondsPerStep'> {
  const steps = lines.filter((line) => line['train/loss'] !== undefined);
  const between = steps.slice(1).map((line, i) => {
    const before = steps[i]!;
    return (line.tokens! - before.tokens!) / (line.seconds! - before.seconds!);
  });
  return {
    tokensPerSecond: median(between.slice(warmUp)),
    tokensPerSecondInSteps: median(steps.slice(warmUp).map((line) => line['train/tokens_per_second']!)),
  };
}
