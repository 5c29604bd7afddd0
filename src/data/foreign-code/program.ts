// Programs that a model wrote, tried on arguments in a process with limits of time and memory. What they should return
// is not told to them, so a program can please its tests only by computing what they want.

import { extname } from 'node:path';
import { UserError } from '../../errors.ts';
import { LimitedProcess } from './limited-process.ts';

/** A program and what it is called with. */
export interface Program {
  /** JavaScript: an expression whose value is a function, such as `x => x + 1` or `function f(x) { ... }`. */
  readonly source: string;
  /** Arguments of each call, as JSON can write them. */
  readonly calls: readonly (readonly unknown[])[];
}

/** What each call returned, as JSON; null for one that threw or returned nothing that JSON can write. */
export type Returned = readonly (string | null)[];

const entry = new URL(`./program-process${extname(import.meta.url)}`, import.meta.url);

/** Far above what a small program needs: a slow machine changes no verdict. */
const limits = { what: 'program: the process', remedy: 'write another', readSeconds: 60, seconds: 60, memory: 128 };

let sandbox: LimitedProcess | null = null;

/**
 * What a program returns; null for one that cannot be read, throws at once, does not come to an end, or fills its
 * memory. It has the language alone: no files, no network, no process, no modules, no code made of text.
 */
export async function runProgram(program: Program): Promise<Returned | null> {
  sandbox ??= new LimitedProcess(entry, null, limits);
  try {
    return (await sandbox.call(program)) as Returned | null;
  } catch (error) {
    if (error instanceof UserError) return null; // at a limit: the process was ended, and the next call starts another
    throw error;
  }
}
