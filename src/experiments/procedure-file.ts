// `procedure.json` in the folder of an arm that is a procedure: what computed, and the curves that it found. It is
// written before `measured.json`, so it is there for every run that is done.

import { join } from 'node:path';
import { isJsonObject } from '../io/json.ts';
import { readJsonFile, writeJsonFile } from '../io/json-file.ts';
import type { StudyCurve } from './procedure.ts';

const procedureFile = 'procedure.json';

export interface ProcedureRecord {
  readonly version: string;
  readonly backend: string;
  readonly curves: Readonly<Record<string, StudyCurve>>;
}

export function writeProcedure(dir: string, record: ProcedureRecord): void {
  writeJsonFile(join(dir, procedureFile), { format: 1, ...record }, 'study');
}

export function readProcedure(dir: string): ProcedureRecord {
  const { version, backend, curves } = readJsonFile(dir, procedureFile, 'study');
  const entries = isJsonObject(curves) ? Object.entries(curves) : [];
  return {
    version: String(version),
    backend: String(backend),
    curves: Object.fromEntries(entries.map(([name, points]) => [name, curveOf(points)])),
  };
}

/** The points with two finite numbers: JSON writes others as null. */
function curveOf(points: unknown): StudyCurve {
  const all = Array.isArray(points) ? points : [];
  return all.flatMap((point): [number, number][] => {
    const [x, y] = Array.isArray(point) ? point : [];
    return typeof x === 'number' && typeof y === 'number' ? [[x, y]] : [];
  });
}
