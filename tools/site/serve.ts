// Shows the built site on this machine, with the headers that give the lab threads. Files are sent as they are: the lab
// unpacks its texts itself, and a server that declares them as compressed breaks that.

import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const types: Readonly<Record<string, string>> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' },
  ...{ '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.png': 'image/png', '.woff2': 'font/woff2' },
};

export interface ShownSite {
  /** Its address, with the base. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder on loopback; port 0 takes a free one. */
export async function serveSite(folder: string, base: string, port: number): Promise<ShownSite> {
  const server = createServer((request, response) => {
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    const path = pathOf(request.url ?? '/');
    const inside = path?.startsWith(base) === true ? path.slice(base.length) : '404.html';
    const file = normalize(join(folder, inside.endsWith('/') || inside === '' ? `${inside}index.html` : inside));
    const isThere = file.startsWith(folder + sep) && existsSync(file) && statSync(file).isFile();
    response.writeHead(isThere ? 200 : 404, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream' });
    response.end(isThere ? readFileSync(file) : 'There is no such page.');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The path of an address; null where it cannot be read, as with `/%`. */
function pathOf(address: string): string | null {
  try {
    return decodeURIComponent(new URL(address, 'http://site').pathname);
  } catch {
    return null;
  }
}
