// Curves as points: taken from the metrics, smoothed, and thinned so that a long run still makes a small file.

import type { MetricsLine } from '../../train/events.ts';

/** `x` is the optimizer step. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Most points that a curve in the report has. */
export const maxPoints = 500;

/** The finite values of a scalar metric, by step. */
export function pointsOf(metrics: readonly MetricsLine[], key: string): Point[] {
  return metrics.flatMap((line) => {
    const value = line[key];
    return typeof value === 'number' && Number.isFinite(value) ? [{ x: line.step, y: value }] : [];
  });
}

/** The line of the last evaluation, whether its values are finite or not. */
export function lastEvaluation(metrics: readonly MetricsLine[]): MetricsLine | undefined {
  return metrics.findLast((line) => Object.keys(line).some((key) => key.startsWith('eval/')));
}

/** Said under curves of evaluations that did not all read the same text; null where they did. */
export function partialEvaluations(metrics: readonly MetricsLine[]): string | null {
  const lengths = new Set(pointsOf(metrics, 'eval/tokens').map(({ y }) => y));
  return lengths.size > 1 ? 'Evaluations before the end read only the beginning of the held-out text.' : null;
}

/** A per-expert metric of one line, or null. */
export function vectorOf(line: MetricsLine, key: string): readonly number[] | null {
  const value = line[key];
  return value !== undefined && isVector(value) ? value : null;
}

/** A layers x experts metric of one line, or null. */
export function matrixOf(line: MetricsLine, key: string): readonly (readonly number[])[] | null {
  const value = line[key];
  return value !== undefined && isMatrix(value) ? value : null;
}

/**
 * Centred moving average over about a fiftieth of the run (5 points at least), so that the smooth curve does not lag
 * behind the raw one. The window shrinks on both sides at the start, where curves are steep, on one side at the end.
 */
export function smooth(points: readonly Point[]): Point[] {
  const reach = Math.max(2, Math.round(points.length / 100));
  const sums = [0];
  for (const { y } of points) sums.push(sums.at(-1)! + y);
  return points.map(({ x }, i) => {
    const half = Math.min(reach, i);
    const start = i - half;
    const end = Math.min(points.length, i + half + 1);
    return { x, y: (sums[end]! - sums[start]!) / (end - start) };
  });
}

/**
 * At most `limit` points: the first, the last, and of each stretch between the lowest and the highest, so spikes stay.
 */
export function thin(points: readonly Point[], limit = maxPoints): readonly Point[] {
  if (points.length <= limit) return points;
  const stretches = Math.floor((limit - 2) / 2);
  const kept = new Set([0, points.length - 1]);
  for (let i = 0; i < stretches; i++) {
    const start = 1 + Math.floor((i * (points.length - 2)) / stretches);
    const end = 1 + Math.floor(((i + 1) * (points.length - 2)) / stretches);
    for (const index of extremes(points, start, end)) kept.add(index);
  }
  return points.filter((_, index) => kept.has(index));
}

function extremes(points: readonly Point[], start: number, end: number): [number, number] {
  let low = start;
  let high = start;
  for (let i = start + 1; i < end; i++) {
    if (points[i]!.y < points[low]!.y) low = i;
    if (points[i]!.y > points[high]!.y) high = i;
  }
  return [low, high];
}

/** At most `limit` items, evenly spaced, the first and the last among them (the last alone when `limit` is 1). */
export function spread<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items;
  if (limit <= 1) return items.slice(-1);
  return Array.from({ length: limit }, (_, i) => items[Math.round((i * (items.length - 1)) / (limit - 1))]!);
}

/** The least and the most of some values, without the limit on arguments that `Math.min` has. */
export function extent(values: readonly number[]): { low: number; high: number } {
  return values.reduce(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
  });
}

/** From the least to the most; of some width even when all values are the same, and not below zero if none is. */
export function paddedRange(values: readonly number[]): [number, number] {
  const { low, high } = extent(values);
  if (low < high) return [low, high];
  const room = Math.abs(low) / 2 || 1;
  return low >= 0 ? [Math.max(0, low - room), low + room] : [low - room, low + room];
}

function isVector(value: MetricsLine[string]): value is readonly number[] {
  return typeof value === 'object' && value.every((item) => typeof item === 'number');
}

function isMatrix(value: MetricsLine[string]): value is readonly (readonly number[])[] {
  return typeof value === 'object' && value.every((item) => typeof item === 'object');
}
