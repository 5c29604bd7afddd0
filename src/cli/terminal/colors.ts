// Colours for one output stream. picocolors decides for standard output and colours in CI; here each stream decides for
// itself, and only a terminal that wants them gets any (https://no-color.org).

import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colors {
  return pc.createColors(stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb');
}
