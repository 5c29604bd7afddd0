// Models that the server of the page offers: runs that were named on its command line.

const needed = ['config.json', 'model.safetensors', 'tokenizer.json'];
const more = ['tokenizer_config.json', 'generation_config.json'];

/** Their names; none where the page lies on a server that offers nothing. */
export async function offeredModels(): Promise<string[]> {
  try {
    const response = await fetch('models.json');
    const names: unknown = response.ok ? await response.json() : [];
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    return [];
  }
}

/**
 * The files of one of them, by its place in the list.
 *
 * @throws {Error} that says which file cannot be had
 */
export async function fetchModel(place: number): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of [...needed, ...more]) {
    const response = await fetch(`models/${place}/${name}`);
    if (response.ok) files.set(name, new Uint8Array(await response.arrayBuffer()));
    else if (needed.includes(name)) throw new Error(`The server does not give ${name}; was the run moved or deleted?`);
  }
  return files;
}
