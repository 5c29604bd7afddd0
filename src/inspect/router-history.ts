// What the routers of a run did over time, in memory of a fixed size.
//
// A step adds the load and the bias of every expert. Neighbouring steps share a bin once there are too many: their
// loads are added up, so that nothing is left out of a picture of the load, however long the run. Shape legend: bins of
// steps, E routed experts.

import { loadStatistics } from '../moe/load.ts';
import type { LayerLoad } from '../train/events.ts';

export interface RouterHistoryOptions {
  /** Bins that are kept at most; at least 2. Default 240. */
  readonly maxBins?: number;
  /** Steps over which the load is added up for `maxVioOverAll`. Default 100. */
  readonly window?: number;
}

/** An expert that no token has visited for a while. */
export interface DeadExpert {
  readonly layer: number;
  readonly expert: number;
  /** The last step at which a token visited it; the step before the first if none ever did. */
  readonly lastUsed: number;
}

interface Bin {
  /** Its last step. */
  step: number;
  steps: number;
  /** By layer: selections of each expert, added up. */
  readonly counts: Float64Array[];
  /** By layer: the bias after the last step. */
  bias: readonly (readonly number[])[];
  /** Sum over the steps of the mean over layers. */
  maxVio: number;
  /** After the last step. */
  maxVioOverAll: number;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

export class RouterHistory {
  readonly #maxBins: number;
  readonly #window: number;
  #layers: readonly number[] = [];
  #bins: Bin[] = [];
  /** Steps in a full bin. */
  #stride = 1;
  /** Counts by layer of the last steps, and their sum. */
  #recent: (readonly (readonly number[])[])[] = [];
  #recentSum: Float64Array[] = [];
  /** By layer: the step at which each expert was last visited. */
  #lastUsed: Float64Array[] = [];

  constructor({ maxBins = 240, window = 100 }: RouterHistoryOptions = {}) {
    this.#maxBins = maxBins;
    this.#window = window;
  }

  /**
   * Adds what `load` says of one step: the `load` of a `step` event. A step that is not after the last one, as in a run
   * that was rewound, takes the place of all from there on.
   */
  add(step: number, load: readonly LayerLoad[]): void {
    if (load.length === 0) return;
    if (this.#bins.length === 0) this.#begin(step, load);
    else if (step <= this.lastStep) this.#forgetFrom(step);
    this.#addToWindow(step, load);
    const maxVio = mean(load.map((layer) => layer.maxVio));
    const maxVioOverAll = mean(this.#recentSum.map((counts) => loadStatistics(counts).maxVio));
    const bias = load.map((layer) => layer.bias);
    const counts = load.map((layer) => Float64Array.from(layer.counts));
    const added = { step, steps: 1, counts, bias, maxVio, maxVioOverAll };
    const last = this.#bins.at(-1);
    if (last !== undefined && last.steps < this.#stride) mergeInto(last, added);
    else this.#bins.push(added);
    if (this.#bins.length > this.#maxBins) this.#halve();
  }

  /** Layers with experts, by index; MTP modules follow the main layers. */
  get layers(): readonly number[] {
    return this.#layers;
  }

  /** The step that was added last; 0 before the first. */
  get lastStep(): number {
    return this.#bins.at(-1)?.step ?? 0;
  }

  /** The last step of each bin. */
  get steps(): Float64Array {
    return Float64Array.from(this.#bins, ({ step }) => step);
  }

  /** MaxVio of single batches, the mean over the layers and over the steps of each bin. */
  get maxVioBatch(): Float64Array {
    return Float64Array.from(this.#bins, ({ maxVio, steps }) => maxVio / steps);
  }

  /** MaxVio of the load of the last steps together (`window`), the mean over layers: what evens out between batches. */
  get maxVioOverAll(): Float64Array {
    return Float64Array.from(this.#bins, ({ maxVioOverAll }) => maxVioOverAll);
  }

  /** The load of each expert as a multiple of the mean load [bins, E]: 1 is perfect balance. */
  loads(layer: number): Float32Array {
    return this.#rows(layer, ({ counts }, at) => relativeLoads(counts[at]!));
  }

  /** The selection bias of each expert [bins, E]. */
  biases(layer: number): Float32Array {
    return this.#rows(layer, ({ bias }, at) => bias[at]!);
  }

  /** Experts that no token has visited in the last `patience` steps. */
  dead(patience = 50): DeadExpert[] {
    return this.#lastUsed.flatMap((steps, at) =>
      Array.from(steps, (lastUsed, expert) => ({ layer: this.#layers[at]!, expert, lastUsed })).filter(
        ({ lastUsed }) => this.lastStep - lastUsed >= patience,
      ),
    );
  }

  #rows(layer: number, rowOf: (bin: Bin, at: number) => ArrayLike<number>): Float32Array {
    const at = this.#layers.indexOf(layer);
    if (at === -1) return new Float32Array();
    const E = this.#bins[0]!.counts[at]!.length;
    const rows = new Float32Array(this.#bins.length * E);
    for (const [i, bin] of this.#bins.entries()) rows.set(rowOf(bin, at), i * E);
    return rows;
  }

  #begin(step: number, load: readonly LayerLoad[]): void {
    this.#layers = load.map(({ layer }) => layer);
    this.#recentSum = load.map(({ counts }) => new Float64Array(counts.length));
    this.#lastUsed = load.map(({ counts }) => new Float64Array(counts.length).fill(step - 1));
  }

  #addToWindow(step: number, load: readonly LayerLoad[]): void {
    const gone = this.#recent.length === this.#window ? this.#recent.shift() : undefined;
    this.#recent.push(load.map(({ counts }) => counts));
    for (const [at, { counts }] of load.entries()) {
      for (const [expert, count] of counts.entries()) {
        this.#recentSum[at]![expert]! += count - (gone?.[at]?.[expert] ?? 0);
        if (count > 0) this.#lastUsed[at]![expert] = step;
      }
    }
  }

  #forgetFrom(step: number): void {
    this.#bins = this.#bins.filter((bin) => bin.step < step);
    this.#recent = [];
    for (const sum of this.#recentSum) sum.fill(0);
    for (const steps of this.#lastUsed) steps.set(steps.map((used) => Math.min(used, step - 1)));
  }

  #halve(): void {
    this.#stride *= 2;
    const bins = this.#bins;
    this.#bins = bins.filter((_, i) => i % 2 === 0);
    for (const [i, bin] of bins.entries()) if (i % 2 === 1) mergeInto(bins[i - 1]!, bin);
  }
}

/** Adds what came after a bin to it. */
function mergeInto(bin: Bin, next: Bin): void {
  for (const [at, counts] of bin.counts.entries()) {
    for (let expert = 0; expert < counts.length; expert++) counts[expert]! += next.counts[at]![expert]!;
  }
  bin.step = next.step;
  bin.steps += next.steps;
  bin.bias = next.bias;
  bin.maxVio += next.maxVio;
  bin.maxVioOverAll = next.maxVioOverAll;
}

/** Selections of each expert as multiples of their mean; all 0 where there are none. */
export function relativeLoads(counts: ArrayLike<number>): Float32Array {
  const average = mean(Array.from(counts));
  return Float32Array.from(counts, (count) => (average === 0 ? 0 : count / average));
}
