// The options of `eval` that ask a model the problems of tasks.

import type { OptionsOf } from './declared-types.ts';

export const taskOptions = [
  { flags: '--tasks <list>', help: 'let it answer problems: chain,addition:digits=2, or JSON Lines files of problems' },
  { flags: '--problems <n>', help: 'problems of each task (default: 128, or all of a file)' },
  { flags: '--samples <n>', help: 'answers to each problem (default: 1)' },
  { flags: '--temperature <x>', help: '0 takes the most likely token (default: 0, or 1 with several samples)' },
  { flags: '--system <text>', help: 'a system prompt before each problem' },
  {
    flags: '--max-new-tokens <n>',
    help: 'tokens of an answer at most (default: half as many again as a solution has)',
  },
  { flags: '--seed <n>', help: 'same seed, same problems and answers (default: 0)' },
  { flags: '--contamination <spec>', help: 'leave out the problems that stand in these corpora and files' },
] as const;

/** As text, the way they are given. */
export type TaskFlags = OptionsOf<typeof taskOptions>;
