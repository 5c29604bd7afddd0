// The files of a model folder as a zip. The worker makes it: the checksum of the weights takes a while.

import { zipSync } from 'fflate';

/** Weights do not compress: everything is stored as it is. */
export function writeZip(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Uint8Array<ArrayBuffer> {
  return zipSync(Object.fromEntries(files), { level: 0 }) as Uint8Array<ArrayBuffer>;
}
