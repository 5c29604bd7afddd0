// `measured.json` in a run folder: the numbers of a run that is done. Reading it loads nothing that computes.

import { join } from 'node:path';
import { hasFile } from '../io/inside-folder.ts';
import { readJsonFile, writeJsonFile } from '../io/json-file.ts';
import type { Measurements } from './study.ts';

const measuredFile = 'measured.json';

/** The numbers of a run that is done, or null. */
export function readMeasured(runDir: string): Measurements | null {
  if (!hasFile(runDir, measuredFile)) return null;
  const entries = Object.entries(readJsonFile(runDir, measuredFile, 'study'));
  return Object.fromEntries(entries.flatMap(([key, value]) => (typeof value === 'number' ? [[key, value]] : [])));
}

/** Writes the numbers in one step: they are whole or not there. */
export function writeMeasured(runDir: string, measured: Measurements): void {
  writeJsonFile(join(runDir, measuredFile), measured, 'study');
}
