// Metrics and samples as blobs. A blob is replaced as a whole, so lines are gathered in memory and added to it when a
// checkpoint is written: a resumed run drops the lines after its checkpoint anyway. What was written is not kept in
// memory, which a long run would fill.

import { isUpToStep } from '../io/json-lines.ts';
import { encodeUtf8 } from '../io/utf8.ts';
import type { Blobs } from './blobs.ts';
import type { LogLine, RunLog } from './run-store.ts';

/** A log that can be told to write down what it has. */
export interface BlobLog extends RunLog {
  flush(): Promise<void>;
}

/** Drops the lines after `step` and goes on after the others. */
export async function openBlobLog(blobs: Blobs, step: number): Promise<BlobLog> {
  const metrics = await openLines(blobs, 'metrics.jsonl', step);
  const samples = await openLines(blobs, 'samples.jsonl', step);
  const flush = async () => {
    await metrics.flush();
    await samples.flush();
  };
  return { metrics: metrics.append, sample: samples.append, flush, close: flush };
}

const encodeLines = (lines: readonly string[]) => encodeUtf8(lines.map((line) => `${line}\n`).join(''));

async function openLines(blobs: Blobs, path: string, step: number) {
  const bytes = await blobs.read(path);
  const found = bytes === null ? [] : new TextDecoder().decode(bytes).split('\n');
  const kept = found.filter((line) => isUpToStep(line, step));
  const isWhole = kept.length === found.filter((line) => line !== '').length;
  if (!isWhole) await blobs.write(path, encodeLines(kept));
  let waiting: string[] = [];
  return {
    append: (line: LogLine) => void waiting.push(JSON.stringify(line)),
    flush: async () => {
      if (waiting.length === 0) return;
      const lines = waiting;
      await blobs.append(path, encodeLines(lines));
      waiting = waiting.slice(lines.length);
    },
  };
}
