// Progress of a training run on standard error: a live block on a terminal, plain lines anywhere else.

import type { DataProgress } from '../../data/progress.ts';
import type { TrainEvent } from '../../train/events.ts';
import { liveProgress } from './live.ts';
import { plainProgress } from './plain.ts';

export interface Progress {
  onEvent(event: TrainEvent): void;
  /** Shows how far the preparation of the text is. */
  onPrepare(progress: DataProgress): void;
  /** Prints a remark without disturbing the rest. */
  note(line: string): void;
  /** Leaves the terminal as it should be; call it once, whatever happened. */
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const canRedraw = stream.isTTY && process.env.TERM !== 'dumb';
  return canRedraw ? liveProgress(stream) : plainProgress(stream);
}
