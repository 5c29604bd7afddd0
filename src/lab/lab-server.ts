// Serves the built lab on this machine: its files, and runs that were offered.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.ts';
import { allowedHosts, checkHosts } from '../serve/allowed-hosts.ts';
import { readSiteFile } from './site-file.ts';

const site = fileURLToPath(new URL('../lab-page', import.meta.url));

/** Headers that give the page threads, and keep it from anything but its own origin. */
export const labHeaders: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; " +
    "img-src 'self' data: blob:; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

/** A model folder that the page can open. */
export interface OfferedModel {
  readonly name: string;
  readonly folder: string;
}

export interface LabServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Files of a model folder that the page takes. */
const modelFiles = [
  ...['config.json', 'model.safetensors', 'tokenizer.json'],
  ...['tokenizer_config.json', 'generation_config.json'],
];

/**
 * Serves the lab on loopback.
 *
 * @param port 0 takes a free one
 * @throws {UserError} when it cannot listen there
 */
export async function startLabServer(port: number, models: readonly OfferedModel[]): Promise<LabServer> {
  const isAllowed = allowedHosts('127.0.0.1', []);
  const server = createServer((request, response) => {
    try {
      checkHosts(request.headers, isAllowed);
    } catch (error) {
      response.writeHead(403, { 'Content-Type': 'text/plain' }).end(String((error as Error).message));
      return;
    }
    answer(request, response, models);
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, models: readonly OfferedModel[]): void {
  for (const [name, value] of Object.entries(labHeaders)) response.setHeader(name, value);
  if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
  const path = pathOf(request.url ?? '/');
  if (path === 'models.json') {
    const names = models.map(({ name }) => name);
    sendJson(response, names);
    return;
  }
  const place = path === null ? null : placeOf(path, models);
  const file = place === null ? null : readSiteFile(place.folder, place.path);
  if (file === null)
    return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such file.');
  response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function pathOf(url: string): string | null {
  try {
    const path = decodeURIComponent(new URL(url, 'http://lab').pathname).slice(1);
    return path === '' ? 'index.html' : path;
  } catch {
    return null;
  }
}

function placeOf(path: string, models: readonly OfferedModel[]): { folder: string; path: string } | null {
  const [first, second, third] = path.split('/');
  if (first !== 'models') return { folder: site, path };
  const model = models[Number(second)];
  if (model === undefined || third === undefined || !modelFiles.includes(third)) return null;
  return { folder: model.folder, path: third };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the port is in use; choose another with --port' : error.message;
      failed(new UserError(`lab: cannot listen on port ${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, '127.0.0.1', done);
  });
}

/** Where the built site lies, for messages. */
export const siteIndex = join(site, 'index.html');
