// The files of a model folder from a zip of it.

import { type Unzipped, unzip } from 'fflate';

const needed = ['config.json', 'model.safetensors', 'tokenizer.json'];
const mostBytes = 500_000_000;

/**
 * The files of the folder in a zip that holds `config.json`, at its top or in one folder.
 *
 * @throws {Error} that says what is missing
 */
export async function readZip(file: File): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { name, size } = file;
  if (size > mostBytes) {
    throw new Error(
      `${name} has ${Math.round(size / 1e6)} MB, and the page opens ${mostBytes / 1e6}: train it further with ` +
        'tinyseek train --init.',
    );
  }
  const all = await unzipped(file);
  const config = Object.keys(all).find((path) => /(^|\/)config\.json$/.test(path)) ?? 'config.json';
  const folder = config.slice(0, -'config.json'.length);
  const inside = Object.entries(all).filter(
    ([path]) => path.startsWith(folder) && !path.slice(folder.length).includes('/'),
  );
  const files = new Map(inside.map(([path, data]) => [path.slice(folder.length), new Uint8Array(data)]));
  files.delete('');
  const missing = needed.filter((wanted) => !files.has(wanted));
  if (missing.length === 0) return files;
  throw new Error(
    `${name} lacks ${missing.join(', ')}: zip a checkpoint folder, or what tinyseek export wrote in one file.`,
  );
}

/** Large files are unpacked in workers, so that the page does not stand still. */
async function unzipped(file: File): Promise<Unzipped> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return await new Promise((resolve, reject) =>
      unzip(bytes, (error, files) => (error === null ? resolve(files) : reject(error))),
    );
  } catch {
    throw new Error(
      `${file.name} is no zip that can be read: make one of a model folder, such as zip -r model.zip FOLDER.`,
    );
  }
}
