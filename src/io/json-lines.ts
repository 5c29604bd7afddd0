// The lines of metrics and samples: one JSON object each.

import { isJsonObject, type JsonObject } from './json.ts';

/** The object of a line; null if it is none, as a line that was cut by a crash. */
export function parseRecord(line: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether a resumed run keeps a line: it is whole, and of no later step than its checkpoint. */
export function isUpToStep(line: string, step: number): boolean {
  const record = parseRecord(line);
  return record !== null && !(typeof record.step === 'number' && record.step > step);
}
