// Charts of one line of block characters.

const blocks = '▁▂▃▄▅▆▇█';

function blockAt(level: number): string {
  return blocks.charAt(Math.min(blocks.length - 1, Math.max(0, Math.round(level * (blocks.length - 1)))));
}

/** Squeezes a series into at most `width` values, each made from its own stretch of the series. */
function squeeze(
  values: readonly number[],
  width: number,
  combine: (stretch: readonly number[]) => number,
): readonly number[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, index) => {
    const from = Math.floor((index * values.length) / width);
    return combine(values.slice(from, Math.floor(((index + 1) * values.length) / width)));
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A series as blocks, lowest to highest over the whole series; longer ones are averaged down to `width`. */
export function sparkline(values: readonly number[], width: number): string {
  if (width < 1) return '';
  const points = squeeze(values.filter(Number.isFinite), width, mean);
  const low = points.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = points.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return points.map((value) => blockAt(high > low ? (value - low) / (high - low) : 0)).join('');
}

/**
 * One block per expert: half height is the mean load, full height twice the mean or more, `·` an expert nobody picked.
 * With more experts than cells, a cell shows the busiest expert of its stretch.
 */
export function loadRow(counts: readonly number[], width: number): string {
  if (width < 1) return '';
  const average = mean(counts);
  const busiest = (stretch: readonly number[]) => Math.max(...stretch);
  return squeeze(counts, width, busiest)
    .map((count) => (count === 0 ? '·' : blockAt(count / average / 2)))
    .join('');
}

/** A progress bar of exactly `width` cells. */
export function progressBar(fraction: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(full) + '░'.repeat(Math.max(0, width - full));
}
