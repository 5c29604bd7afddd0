// The metrics of a run, of whatever length: numbers of all steps, and the loads and biases of experts of some of them.
//
// A line of `tiny` has 2.5 kB, and most of it are lists with an entry for each expert, of which a report draws a
// hundred or so. A night's run has hundreds of thousands of lines, so most lists are dropped while the file is read.

import type { MetricsLine } from '../train/events.ts';

/** Lines that keep their lists; up to this length a run keeps all of them. */
const maxDetailed = 2000;

export class ThinnedLines {
  readonly #lines: MetricsLine[] = [];
  readonly #maxDetailed: number;
  #detailed: number[] = [];
  /** Of the lines before the last, every so many-th keeps its lists. */
  #stride = 1;

  constructor(limit = maxDetailed) {
    this.#maxDetailed = limit;
  }

  add(line: MetricsLine): void {
    const last = this.#lines.length - 1;
    if (last >= 0 && last % this.#stride !== 0) this.#strip(last);
    else if (last >= 0) this.#detailed.push(last);
    this.#lines.push(line);
    while (this.#detailed.length >= this.#maxDetailed) {
      this.#stride *= 2;
      for (const index of this.#detailed) if (index % this.#stride !== 0) this.#strip(index);
      this.#detailed = this.#detailed.filter((index) => index % this.#stride === 0);
    }
  }

  /** All lines in the order in which they were added; the last one has its lists. */
  get lines(): readonly MetricsLine[] {
    return this.#lines;
  }

  #strip(index: number): void {
    const numbers = Object.entries(this.#lines[index]!).filter(([key, value]) => {
      return typeof value === 'number' || !key.startsWith('load/');
    });
    const { step, tokens, seconds } = this.#lines[index]!;
    this.#lines[index] = { ...Object.fromEntries(numbers), step, tokens, seconds };
  }
}
