// Writes the parts of docs/configuration.md, docs/data.md and docs/cluster.md again that are made from the code
// (`npm run reference`).
//
// What stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->` is written by this program, everything else
// by
// hand.

import { readFileSync, writeFileSync } from 'node:fs';
import { referencePage, referencePages } from './reference-text.ts';

for (const path of Object.keys(referencePages)) {
  writeFileSync(path, referencePage(path, readFileSync(path, 'utf8')));
  console.log(path);
}
