#!/usr/bin/env node
// Entry of the `tinyseek` command: runs it and turns whatever happens into an exit code.
//
// 0 done, 1 something the user can mend, 2 wrong usage, 70 a bug of ours, 130 interrupted.

import { runCommandLine } from './program.ts';
import { exitCodeOf, reportError } from './report-error.ts';

function failed(error: unknown): number {
  reportError(error);
  return exitCodeOf(error);
}

// `tinyseek ... | head` closes standard output early: nobody is left to tell. A lost log is no reason to stop training.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : failed(error)));
process.stderr.on('error', () => {});
process.on('uncaughtException', (error) => process.exit(failed(error)));

const exitCode = await runCommandLine(process.argv.slice(2)).catch(failed);
// Backends keep threads and handles alive, so the process is ended, once everything printed has been taken.
process.stdout.write('', () => process.exit(exitCode));
