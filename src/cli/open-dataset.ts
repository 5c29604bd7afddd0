// The text that a command measures on, with its progress and what is to be known of it on standard error.

import { createDataset, type DatasetOptions } from '../data/dataset.ts';
import type { Dataset } from '../data/types.ts';
import { followPreparation } from './progress/preparation.ts';

export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const preparation = followPreparation();
  let remarks: readonly string[] = [];
  try {
    const dataset = await createDataset({ ...options, onProgress: preparation.onProgress });
    remarks = [...(dataset.notes ?? []), ...(dataset.warnings ?? []).map((warning) => `warning: ${warning}`)];
    return dataset;
  } finally {
    preparation.end(remarks);
  }
}
