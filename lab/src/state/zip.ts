// The files of a model folder as a zip, and back.

import { unzipSync, zipSync } from 'fflate';

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Weights do not compress: everything is stored as it is. */
export function writeZip(files: Files): Uint8Array<ArrayBuffer> {
  return zipSync(Object.fromEntries(files), { level: 0 }) as Uint8Array<ArrayBuffer>;
}

const needed = ['config.json', 'model.safetensors', 'tokenizer.json'];

/**
 * The files of the folder in a zip that holds `config.json`, at its top or in one folder.
 *
 * @throws {Error} that says what is missing
 */
export function readZip(bytes: Uint8Array, name: string): Map<string, Uint8Array<ArrayBuffer>> {
  let all: Record<string, Uint8Array>;
  try {
    all = unzipSync(bytes);
  } catch {
    throw new Error(`${name} is no zip that can be read: make one of a model folder, such as zip -r model.zip FOLDER.`);
  }
  const config = Object.keys(all).find((path) => /(^|\/)config\.json$/.test(path)) ?? 'config.json';
  const folder = config.slice(0, -'config.json'.length);
  const inside = Object.entries(all).filter(
    ([path]) => path.startsWith(folder) && !path.slice(folder.length).includes('/'),
  );
  const files = new Map(inside.map(([path, data]) => [path.slice(folder.length), new Uint8Array(data)]));
  files.delete('');
  const missing = needed.filter((file) => !files.has(file));
  if (missing.length === 0) return files;
  throw new Error(
    `${name} lacks ${missing.join(', ')}: zip a checkpoint folder, or what tinyseek export wrote in one file.`,
  );
}
