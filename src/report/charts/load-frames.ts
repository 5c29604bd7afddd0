// Expert load over time, as the frames of a heat map.
//
// Shape legend: F frames, L layers, E experts.

import type { ModelConfig } from '../../config/model-config.ts';
import type { MetricsLine } from '../../train/events.ts';
import { spread, vectorOf } from './points.ts';

export interface LoadFrames {
  /** Layer indices; those from `numHiddenLayers` on are MTP modules. */
  readonly layers: readonly number[];
  /** [F] */
  readonly steps: readonly number[];
  /** [F][L][E], tokens of that step's batch. */
  readonly counts: readonly (readonly (readonly number[])[])[];
}

const maxFrames = 100;
const maxCounts = 30_000;

/** At most 100 frames (fewer for big models) between the first and the last step; null without any counts. */
export function loadFrames(metrics: readonly MetricsLine[]): LoadFrames | null {
  const layers = loadLayers(metrics);
  const frames = metrics.flatMap((line) => {
    const counts = layers.map((layer) => vectorOf(line, `load/${layer}/counts`));
    return counts.every((row) => row !== null) && counts.length > 0 ? [{ step: line.step, counts }] : [];
  });
  const last = frames.at(-1);
  if (!last) return null;
  const cells = last.counts.reduce((sum, row) => sum + row.length, 0);
  const kept = spread(frames, Math.max(2, Math.min(maxFrames, Math.floor(maxCounts / cells))));
  return { layers, steps: kept.map(({ step }) => step), counts: kept.map(({ counts }) => counts) };
}

/** The layers whose load was recorded, in order. */
export function loadLayers(metrics: readonly MetricsLine[]): number[] {
  const keys = new Set<string>();
  for (const line of metrics) for (const key of Object.keys(line)) keys.add(key);
  const layers = [...keys].flatMap((key) => /^load\/(\d+)\/counts$/.exec(key)?.[1] ?? []);
  return layers.map(Number).sort((a, b) => a - b);
}

/** `layer 3`, or `MTP 1` for the first multi-token prediction module. */
export function layerName(layer: number, { numHiddenLayers }: Pick<ModelConfig, 'numHiddenLayers'>): string {
  return layer < numHiddenLayers ? `layer ${layer}` : `MTP ${layer - numHiddenLayers + 1}`;
}
