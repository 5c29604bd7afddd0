// Writes `schema/run-config.schema.json` from the zod schema. Run with the repository's Node 24, which strips types:
//   npx node tools/write-schema.ts

import { mkdirSync, writeFileSync } from 'node:fs';
import { runConfigJsonSchema } from '../src/config/schema.ts';

const folder = new URL('../schema/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('run-config.schema.json', folder), runConfigJsonSchema());
