// Metrics and samples as blobs. A blob is written whole, so lines are gathered in memory and written when a checkpoint
// is: a resumed run drops the lines after its checkpoint anyway.

import { isUpToStep } from '../io/json-lines.ts';
import { encodeUtf8 } from '../io/utf8.ts';
import type { Blobs } from './blobs.ts';
import type { LogLine, RunLog } from './run-store.ts';

/** A log that can be told to write down what it has. */
export interface BlobLog extends RunLog {
  flush(): Promise<void>;
}

/** Reads the lines up to `step` and goes on after them. */
export async function openBlobLog(blobs: Blobs, step: number): Promise<BlobLog> {
  const metrics = await openLines(blobs, 'metrics.jsonl', step);
  const samples = await openLines(blobs, 'samples.jsonl', step);
  const flush = async () => {
    await metrics.flush();
    await samples.flush();
  };
  return { metrics: metrics.append, sample: samples.append, flush, close: flush };
}

async function openLines(blobs: Blobs, path: string, step: number) {
  const bytes = await blobs.read(path);
  const found = bytes === null ? [] : new TextDecoder().decode(bytes).split('\n');
  const lines = found.filter((line) => isUpToStep(line, step));
  let isWritten = lines.length === found.filter((line) => line !== '').length;
  return {
    append: (line: LogLine) => {
      lines.push(JSON.stringify(line));
      isWritten = false;
    },
    flush: async () => {
      if (isWritten) return;
      await blobs.write(path, encodeUtf8(lines.map((line) => `${line}\n`).join('')));
      isWritten = true;
    },
  };
}
