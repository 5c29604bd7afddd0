// Training in Node: folders, and Brotli as a measure to compare with. Modules are loaded when they are used, since not
// every command trains.

import { brotliBitsPerByte } from '../data/brotli.ts';
import type { Dataset } from '../data/types.ts';
import type { Host } from './host.ts';

export const nodeHost: Host = {
  folders: {
    runStore: async (path) => (await import('../runs/folder-store.ts')).folderStore(path),
    openModel: async (folder) => {
      const { chooseCheckpoint, readCheckpoint } = await import('../io/read-checkpoint.ts');
      const { path, warnings } = chooseCheckpoint(folder);
      return { path, warnings, checkpoint: readCheckpoint(path) };
    },
    writeNew: async (path, files) => (await import('../io/write-model-folder.ts')).writeNewFolder(path, files),
  },
  brotliBitsPerByte: brotliOfHeldOut,
};

/** Most characters of a domain that Brotli reads: it takes about two seconds for a million of them. */
const longestForBrotli = 1 << 24;

/** Each domain is compressed on its own, or its beginning if it is very long. */
function brotliOfHeldOut(dataset: Pick<Dataset, 'domains' | 'heldOutText'>): number | null {
  let [bits, bytes] = [0, 0];
  for (const domain of dataset.domains.keys()) {
    const text = dataset.heldOutText(domain).slice(0, longestForBrotli);
    const size = Buffer.byteLength(text);
    if (size === 0) continue; // a dataset that the caller made may have no text
    bits += brotliBitsPerByte(text) * size;
    bytes += size;
  }
  return bytes === 0 ? null : bits / bytes;
}
