// Reads the golden cases of `data/` for tests.
//
// It has a safetensors reader of its own, so that a golden test does not lean on the reader it might be testing.

import { readFileSync } from 'node:fs';

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Golden {
  /** `config.json` in Hugging Face's snake_case. */
  readonly config: Record<string, unknown>;
  /** Parameters and `e_score_correction_bias` under their checkpoint names. */
  readonly weights: Map<string, GoldenTensor>;
  /** What the reference computed; gradients are under `grad.` and the checkpoint name. */
  readonly tensors: Map<string, GoldenTensor>;
  /** The rest: token ids, losses, counts, versions. */
  readonly values: Record<string, unknown>;
}

/** The folder `data/<caseName>`; throws if it is not there. */
export function loadGolden(caseName: string): Golden {
  return {
    config: loadGoldenJson(`${caseName}/config.json`),
    weights: readSafetensors(`${caseName}/weights.safetensors`),
    tensors: readSafetensors(`${caseName}/golden.safetensors`),
    values: loadGoldenJson(`${caseName}/golden.json`),
  };
}

/** A JSON object of `data/`, such as `router.json`. */
export function loadGoldenJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(dataFile(path), 'utf8'));
}

function dataFile(path: string): URL {
  return new URL(`data/${path}`, import.meta.url);
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function readSafetensors(path: string): Map<string, GoldenTensor> {
  const file = readFileSync(dataFile(path));
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header: Record<string, HeaderEntry> = JSON.parse(file.toString('utf8', 8, dataStart));
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (entry.dtype !== 'F32') throw new Error(`${path}: ${name} is ${entry.dtype}, expected F32`);
    const [begin, end] = entry.data_offsets;
    const bytes = new Uint8Array(file.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape: entry.shape, data: new Float32Array(bytes.buffer) });
  }
  return tensors;
}
