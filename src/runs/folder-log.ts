// The logs of a run folder: `metrics.jsonl`, `samples.jsonl`, TensorBoard events. Each line is written once (B12): a
// resumed run first drops what was written after its checkpoint.

import { join } from 'node:path';
import { openJsonl, truncateAfterStep } from '../io/jsonl.ts';
import { openEventFile } from '../io/tensorboard.ts';
import type { RunLog } from './run-store.ts';

/** Opens the files of a run that goes on after `step`. */
export function openFolderLog(runDir: string, step: number): RunLog {
  const open = (name: string) => {
    truncateAfterStep(join(runDir, name), step);
    return openJsonl(join(runDir, name));
  };
  const [metrics, samples] = [open('metrics.jsonl'), open('samples.jsonl')];
  const events = openEventFile(join(runDir, 'tensorboard'), step);
  return {
    metrics: (line) => {
      metrics.append(line);
      const { step, tokens: _tokens, seconds: _seconds, ...values } = line;
      events.scalars(step, values);
    },
    sample: (line) => samples.append(line),
    close: async () => {
      for (const writer of [metrics, samples, events]) writer.close();
    },
  };
}
