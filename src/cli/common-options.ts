// Arguments and options that several commands have and that need no reading.

export const checkpointArgument = {
  syntax: '<checkpoint>',
  help: 'checkpoint folder, or a run folder for its newest checkpoint',
} as const;

export const jsonOption = {
  flags: '--json',
  help: 'print one JSON object on standard output, everything else on standard error',
} as const;

/** The text that a checkpoint is measured on. */
export const heldOutOption = {
  flags: '--data <spec>',
  help: 'corpora and files (default: what the checkpoint was trained on)',
} as const;

export const specHelp = 'corpora and files: moby-dick, moby-dick:2,code:1, notes.txt, texts/*.md';

/** Collects the values of an option that can be repeated. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
