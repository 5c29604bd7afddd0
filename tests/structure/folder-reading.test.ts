// Contract: files of model and run folders, which may be anybody's, are opened by one reader. Every other place that
// opens a file to read it is listed here, with what it reads.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../src', import.meta.url));

const readers: Readonly<Record<string, string>> = {
  'io/regular-file.ts': 'the reader',
  'io/file-system.ts': 'folders, to sync them',
  'io/process-identity.ts': '/proc',
  'cli/commands/generate.ts': 'standard input',
  'cli/config-file.ts': 'the file of --config',
  'data/corpora/packed.ts': 'texts of this package',
  'data/corpora/read-bytes.ts': 'texts that the user names',
  'data/node-host.ts': 'a tokenizer that the user names',
  'data/token-file.ts': 'its own cache',
  'engine/node-host.ts': 'the engine of this package',
  'experiments/load-study.ts': 'a study that the user names',
};

/** Opens a file to read it. */
const opening = /\b(readFileSync|createReadStream|readFile|openSync)\((?!fd\b)(?![^;\n]*'(wx|a\+)')/;

it('files of model and run folders are opened by the one reader', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const found = files
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => {
      const text = readFileSync(join(source, name), 'utf8');
      return /'node:fs(\/promises)?'/.test(text) && opening.test(text);
    });
  expect(found.sort()).toEqual(Object.keys(readers).sort());
});
