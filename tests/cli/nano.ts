// A model so small that a run takes a second or two, and a text for it.

import { writeFileSync } from 'node:fs';

const modelChanges = {
  hiddenSize: 16,
  intermediateSize: 32,
  moeIntermediateSize: 8,
  numHiddenLayers: 1,
  firstKDenseReplace: 0,
  numNextnPredictLayers: 0,
  numAttentionHeads: 2,
  qLoraRank: null,
  kvLoraRank: 8,
  qkNopeHeadDim: 4,
  qkRopeHeadDim: 4,
  vHeadDim: 4,
  nRoutedExperts: 4,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
};
const trainChanges = {
  tokenizer: 'bytes',
  evalEvery: 0,
  checkpointEvery: 10,
  sampleTokens: 3,
};

/** The nano model as the changes that a study lists. */
export const nanoSettings = { modelChanges, trainChanges };

/** Arguments that make `tinyseek train` train the nano model. */
export const nano: readonly string[] = [
  ...Object.entries({ ...modelChanges, ...trainChanges }).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ...['--batch-size', '2', '--seq-len', '17'],
];

/** Writes a text of about 9 kB in many paragraphs. */
export function writeText(path: string): string {
  const paragraph = (n: number) =>
    Array.from({ length: 5 }, (_, i) => `Whale ${n} swims ${(n * 7 + i) % 11} miles and sings.\n`).join('');
  writeFileSync(path, Array.from({ length: 60 }, (_, n) => paragraph(n)).join('\n'));
  return path;
}
