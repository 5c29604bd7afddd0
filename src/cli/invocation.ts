// How this process was started, so that the commands it suggests can be pasted back.

import { basename, relative } from 'node:path';

/** `tinyseek`, `npx tinyseek`, or `node dist/cli/main.js` in a checkout. */
export function invocation(script = process.argv[1] ?? '', env: NodeJS.ProcessEnv = process.env): string {
  if (basename(script) === 'main.js') return `node ${relative(process.cwd(), script)}`;
  return env.npm_command === 'exec' ? 'npx tinyseek' : 'tinyseek';
}

/** A word as a shell needs it: in quotes if it has anything special in it. */
export function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
