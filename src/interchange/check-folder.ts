// What other programs would make of the model in a folder.

import type { ModelConfig } from '../config/model-config.ts';
import { folderConfig } from '../io/folder-config.ts';
import { readCheckpoint } from '../io/read-checkpoint.ts';
import type { ExportFormat } from './export-format.ts';
import { checkLoader } from './loader-check.ts';
import type { LoaderName } from './loader-names.ts';
import type { Finding } from './loader-rule.ts';
import { withoutMtp } from './open-folder.ts';

export type Checks = readonly (readonly [loader: LoaderName, findings: readonly Finding[]])[];

function configOf(path: string): ModelConfig {
  const checkpoint = readCheckpoint(path);
  try {
    return folderConfig(checkpoint).config;
  } finally {
    checkpoint.close();
  }
}

/** Checks the model for each of the programs, with its MTP module or without, its weights stored in a format. */
export function checkFolder(
  path: string,
  loaders: readonly LoaderName[],
  { mtp, format }: { readonly mtp: boolean; readonly format: ExportFormat },
): Checks {
  if (loaders.length === 0) return [];
  const stored = configOf(path);
  const config = mtp ? stored : withoutMtp(stored);
  return loaders.map((loader) => [loader, checkLoader(loader, config, format)]);
}
