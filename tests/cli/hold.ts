// Makes a command hold still at a moment of a test's choice, so that what happens to it then comes neither too early
// nor too late, however fast the machine is.

/** Preloaded by the command and the processes it starts. One whose parent is gone goes on: nobody would let it. */
const source = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { TEST_HOLD_AT: place, TEST_HOLD_WHILE: file } = process.env;
const { renameSync } = fs;
const { ppid } = process;
const word = new Int32Array(new SharedArrayBuffer(4));
fs.renameSync = (from, to) => {
  renameSync(from, to);
  if (to.endsWith(place)) while (fs.existsSync(file) && process.ppid === ppid) Atomics.wait(word, 0, 0, 10);
};
syncBuiltinESMExports();
`;

/**
 * The environment in which a process, once it has renamed something to a path that ends like `place`, holds still while
 * `file` exists. Its signals wait meanwhile.
 */
export function holdingAt(place: string, file: string): NodeJS.ProcessEnv {
  const preload = `data:text/javascript,${encodeURIComponent(source)}`;
  return { NODE_OPTIONS: `--import ${preload}`, TEST_HOLD_AT: place, TEST_HOLD_WHILE: file };
}
