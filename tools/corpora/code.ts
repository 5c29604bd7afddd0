// Code: the declaration files of TypeScript's standard library (`lib/lib.*.d.ts`), 3.7 MB with English comments.
//
// Every file opens with the same licence notice, and some have nothing else but references to other files. Both are
// left out: a notice that is in training and held-out text alike would only flatter the held-out loss.

import { join } from 'node:path';
import { packageFolder, readMatching } from './package-files.ts';

const licenceNotice = /^\/\*![\s\S]*?\*\/\s*/;
const referencesOnly = /^(\s*\/\/\/ <reference [^\n]*\n?)*\s*$/;

function declarationFiles(): string[] {
  return readMatching(join(packageFolder('typescript'), 'lib'), /^lib\..*d\.ts$/);
}

/** One document a file, without the licence notice. */
export function readCode(): string[] {
  const texts = declarationFiles().map((text) => text.replace(licenceNotice, ''));
  return texts.filter((text) => !referencesOnly.test(text));
}

/** The notices that were left out, each once. */
export function codeNotices(): string[] {
  return [...new Set(declarationFiles().flatMap((text) => licenceNotice.exec(text)?.[0].trim() ?? []))];
}
