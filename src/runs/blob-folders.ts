// Folders of blobs that appear in one step. Blobs cannot be renamed, so a folder comes into being by being listed: its
// files are written under a new name, and then `published.json`, a small file that is replaced in one step, lists it.
// So the list names whole folders only, wherever the program is killed, and the next write removes folders that it does
// not name.

import { checkpointStep } from '../io/checkpoint-names.ts';
import { parseJsonObject } from '../io/json.ts';
import { encodeJson } from '../io/utf8.ts';
import type { Blobs } from './blobs.ts';

export const checkpointsFolder = 'checkpoints';
export const modelsFolder = 'models';
const list = 'published.json';

/** What can be read: names of folders in `checkpoints`, newest first, and of one in `models`. */
export interface Published {
  readonly checkpoints: readonly string[];
  readonly model: string | null;
}

/** What is listed; nothing if there is no list yet. */
export async function readPublished(blobs: Blobs): Promise<Published> {
  const bytes = await blobs.read(list);
  if (bytes === null) return { checkpoints: [], model: null };
  const { checkpoints, model } = parseJsonObject(bytes, `run: ${list}`);
  const names = Array.isArray(checkpoints) ? checkpoints.map(String) : [];
  return { checkpoints: newestFirst(names), model: typeof model === 'string' ? model : null };
}

/** Replaces the list, and removes the folders that it does not name. */
export async function publish(blobs: Blobs, published: Published): Promise<void> {
  await blobs.write(list, encodeJson(published));
  const { checkpoints, model } = published;
  const models = model === null ? [] : [`${modelsFolder}/${model}`];
  const listed = [...checkpoints.map((name) => `${checkpointsFolder}/${name}`), ...models];
  for (const folder of [checkpointsFolder, modelsFolder]) {
    for (const name of await blobs.list(folder)) {
      if (!listed.includes(`${folder}/${name}`)) await blobs.remove(`${folder}/${name}`);
    }
  }
}

export function newestFirst(names: readonly string[]): string[] {
  return names.toSorted((a, b) => (checkpointStep(b) ?? 0) - (checkpointStep(a) ?? 0));
}

/** `NAME`, with a number after it if the name is taken: the old folder stays until its replacement is published. */
export async function freshName(blobs: Blobs, folder: string, name: string): Promise<string> {
  const taken = await blobs.list(folder);
  let fresh = name;
  for (let n = 2; taken.includes(fresh); n++) fresh = `${name}.${n}`;
  return fresh;
}
