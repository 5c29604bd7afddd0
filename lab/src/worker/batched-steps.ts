// Steps are told in batches, so that the page has no more than about ten messages a second.

import type { StepRecord } from '../protocol.ts';

const milliseconds = 100;

export class BatchedSteps {
  readonly #tell: (steps: readonly StepRecord[]) => void;
  #waiting: StepRecord[] = [];
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: (steps: readonly StepRecord[]) => void) {
    this.#tell = tell;
  }

  add(step: StepRecord): void {
    this.#waiting.push(step);
    if (performance.now() - this.#toldAt >= milliseconds) this.flush();
  }

  /** Is called before anything else is told of the run, so that events stay in order. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#tell(this.#waiting);
    this.#waiting = [];
    this.#toldAt = performance.now();
  }
}
