import type { Command } from 'commander';

export function withSampling(command: Command): Command {
  return command
    .option('--max-new-tokens <n>', 'tokens to write at most (default: 128)')
    .option('--temperature <x>', '0 takes the most likely token every time (default: 0.8)')
    .option('--top-k <n>', 'choose among so many of the most likely tokens; 0 means all (default: 40)')
    .option('--top-p <p>', 'choose among the most likely tokens with this probability together (default: 1, all)')
    .option('--min-p <p>', 'choose among tokens at least this many times as likely as the best (default: 0, all)')
    .option('--repetition-penalty <x>', 'above 1 makes tokens less likely that are there already (default: 1)')
    .option('--seed <n>', 'same seed, same text (default: 0)');
}
