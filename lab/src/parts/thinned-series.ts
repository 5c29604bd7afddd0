// Numbers of every step of a run in memory of a fixed size: neighbouring steps share a bin, which keeps their mean,
// once there are too many.

const maxBins = 600;

interface Bin {
  step: number;
  steps: number;
  sums: number[];
}

export class ThinnedSeries {
  #bins: Bin[] = [];
  #stride = 1;

  /** A step that is not after the last one takes the place of all from there on, as in a run that was rewound. */
  add(step: number, values: readonly number[]): void {
    const before = this.#bins.at(-1);
    if (before !== undefined && step <= before.step) this.#bins = this.#bins.filter((bin) => bin.step < step);
    const last = this.#bins.at(-1);
    if (last !== undefined && last.steps < this.#stride) merge(last, { step, steps: 1, sums: [...values] });
    else this.#bins.push({ step, steps: 1, sums: [...values] });
    if (this.#bins.length <= maxBins) return;
    this.#stride *= 2;
    const bins = this.#bins;
    this.#bins = bins.filter((_, i) => i % 2 === 0);
    for (const [i, bin] of bins.entries()) if (i % 2 === 1) merge(bins[i - 1]!, bin);
  }

  /** The last step of each bin. */
  get steps(): Float64Array {
    return Float64Array.from(this.#bins, ({ step }) => step);
  }

  /** The means of the value with this index. */
  values(index: number): Float64Array {
    return Float64Array.from(this.#bins, ({ sums, steps }) => (sums[index] ?? Number.NaN) / steps);
  }
}

function merge(bin: Bin, next: Bin): void {
  bin.step = next.step;
  bin.steps += next.steps;
  bin.sums = bin.sums.map((sum, i) => sum + next.sums[i]!);
}
