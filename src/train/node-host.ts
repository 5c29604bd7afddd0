// Training under Node: every backend, text from files and packages, Brotli as the yardstick.

import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { activateBackend } from '../backends/backends.ts';
import { brotliBitsPerByte } from '../data/brotli.ts';
import { createDataset } from '../data/dataset.ts';
import type { Dataset } from '../data/types.ts';
import { chooseCheckpoint, readCheckpoint } from '../io/read-checkpoint.ts';
import type { Host } from './host.ts';

export const nodeHost: Host = {
  version: packageVersion(),
  nextTurn: setImmediate,
  activateBackend,
  openFolder: async (folder) => {
    const { path, warnings } = chooseCheckpoint(folder);
    return { path, warnings, checkpoint: readCheckpoint(path) };
  },
  openDataset: (train, given) => createDataset({ ...train, ...given }),
  brotliBitsPerByte: brotliOfHeldOut,
};

/** Each domain is compressed on its own. */
function brotliOfHeldOut(dataset: Pick<Dataset, 'domains' | 'heldOutText'>): number | null {
  let [bits, bytes] = [0, 0];
  for (const domain of dataset.domains.keys()) {
    const text = dataset.heldOutText(domain);
    const size = Buffer.byteLength(text);
    if (size === 0) continue; // a dataset of a caller's own may have no text
    bits += brotliBitsPerByte(text) * size;
    bytes += size;
  }
  return bytes === 0 ? null : bits / bytes;
}

function packageVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return String(version);
}
