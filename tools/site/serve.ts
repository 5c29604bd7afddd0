// Shows the built site on this machine, with the headers that give the lab threads.

import { basename, dirname } from 'node:path';
import { preview } from 'vite';

export interface ShownSite {
  /** Its address, with the base. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder on loopback. Where `port` is not free, the next one that is. */
export async function serveSite(folder: string, base: string, port: number): Promise<ShownSite> {
  const server = await preview({
    ...{ configFile: false, root: dirname(folder), base, appType: 'mpa', logLevel: 'warn' },
    build: { outDir: basename(folder) },
    preview: {
      ...{ host: '127.0.0.1', port },
      headers: {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
        'Cross-Origin-Resource-Policy': 'same-origin',
      },
    },
  });
  return { url: server.resolvedUrls!.local[0]!, close: () => server.close() };
}
