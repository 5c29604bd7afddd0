// What a training run took, from its folder.

import { countParameters } from '../config/counts.ts';
import { UserError } from '../errors.ts';
import { loadRun } from '../report/load-run.ts';

export interface RunCost {
  readonly run: string;
  readonly backend: string;
  readonly tokens: number;
  /** Wall clock of the run, evaluations included. */
  readonly seconds: number;
  readonly hoursPerMillionTokens: number;
  readonly tokensPerSecond: number;
  /** The arithmetic of training (6 * parameters and attention) that was done in a second. */
  readonly flopsPerSecond: number;
}

/** @throws {UserError} for a folder that holds no run, or one without a single step */
export function runCost(dir: string): RunCost {
  const { settings, metrics } = loadRun(dir);
  const last = metrics.at(-1);
  if (last === undefined || !(last.tokens > 0 && last.seconds > 0))
    throw new UserError(`cost: the run in ${dir} has no step yet; give one that was trained`);
  const { tokens, seconds } = last;
  const { flopsPerToken } = countParameters(settings.model, settings.train.seqLen);
  return {
    run: dir,
    backend: settings.backend,
    tokens,
    seconds,
    hoursPerMillionTokens: seconds / 3600 / (tokens / 1e6),
    tokensPerSecond: tokens / seconds,
    flopsPerSecond: (tokens * flopsPerToken) / seconds,
  };
}
