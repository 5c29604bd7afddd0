// The lab, built and served for a test, with the headers that give it threads.

import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { labConfig } from '../../tools/lab/vite-config.ts';
import { isolatingHeaders } from '../browser/chromium.ts';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

export interface Site {
  readonly url: string;
  close(): void;
}

/** Builds the lab from `dist` into a folder and serves it on loopback. */
export async function startSite(folder: string): Promise<Site> {
  await build(labConfig(join(import.meta.dirname, '../../dist'), folder));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://page').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    for (const [name, value] of Object.entries(isolatingHeaders)) response.setHeader(name, value);
    response.setHeader('Content-Type', types[extname(file)] ?? 'application/octet-stream');
    if (!existsSync(file)) response.statusCode = 404;
    response.end(existsSync(file) ? readFileSync(file) : '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
