/** Where a command writes what it simulated. */
export const outOption = {
  flags: '--out <file>',
  help: 'write the timeline: .html is a page with a picture, .json a trace for ui.perfetto.dev',
} as const;
