import type { VariantName } from './variant-names.ts';

/** Where the binary of a variant lies: beside this file. Bundlers know this form of URL and take the files along. */
export function binaryUrl(name: VariantName, shared: boolean): URL {
  return new URL(`./wasm/${name}${shared ? '' : '-unshared'}.wasm`, import.meta.url);
}
