// How long something takes, when the clock is coarse and V8 optimises what it sees often.

/** Seconds of one call. */
export interface Timing {
  readonly median: number;
  readonly min: number;
}

const warmUpSeconds = 0.1;
const sampleSeconds = 0.001;
const measureSeconds = 0.2;
const leastSamples = 5;

const now = () => performance.now() / 1000;

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function timingOf(seconds: readonly number[]): Timing {
  return { median: median(seconds), min: Math.min(...seconds) };
}

/** Times a short function: samples of as many calls as fill a millisecond, after a warm-up of a tenth of a second. */
export function timeCalls(run: () => void): Timing {
  const calls = callsPerSample(run);
  const samples: number[] = [];
  const end = now() + measureSeconds;
  while (samples.length < leastSamples || now() < end) {
    const start = now();
    for (let i = 0; i < calls; i++) run();
    samples.push((now() - start) / calls);
  }
  return timingOf(samples);
}

/** Warms up, and counts the calls that fill a sample. */
function callsPerSample(run: () => void): number {
  const start = now();
  let calls = 0;
  do {
    run();
    calls += 1;
  } while (now() - start < warmUpSeconds);
  return Math.max(1, Math.ceil((calls * sampleSeconds) / (now() - start)));
}
