// The HTTP server: where it listens, and how it stops without leaving anything behind.

import { createServer, type Server } from 'node:http';
import { UserError } from '../errors.ts';
import { Admission } from './admission.ts';
import { allowedHosts } from './allowed-hosts.ts';
import { Exchanges, type RequestRecord } from './exchanges.ts';
import type { ServeLimits } from './limits.ts';
import { refuseConnection } from './refuse-connection.ts';
import type { ServedModel } from './served-model.ts';
import { createTokenNames } from './token-names.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Names it answers to, besides those of this machine: see `allowedHosts`. */
  readonly allowedHosts: readonly string[];
  readonly limits: ServeLimits;
  /** Told of every request that is over. */
  readonly onRequest: (record: RequestRecord) => void;
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** How many requests are being answered. */
  readonly active: number;
  /**
   * Accepts nothing more, gives the answers on their way `graceSeconds` to end, and closes every connection. The
   * generator stays the caller's.
   */
  close(graceSeconds: number): Promise<void>;
}

/**
 * Serves a model.
 *
 * @throws UserError when it cannot listen there.
 */
export async function startServer(model: ServedModel, options: ServeOptions): Promise<RunningServer> {
  const { limits, onRequest } = options;
  const admission = new Admission(model.slots + limits.maxQueue);
  const isAllowed = allowedHosts(options.host, options.allowedHosts);
  const context = { model, names: createTokenNames(model.tokenizer), limits, admission, isAllowed };
  const exchanges = new Exchanges(context, onRequest);
  const server = createHttpServer(exchanges, limits);
  await listen(server, options);
  let closing: Promise<void> | null = null;
  return {
    url: urlOf(server, options.host),
    get active() {
      return exchanges.active;
    },
    close: (graceSeconds) => {
      closing ??= close(server, exchanges, graceSeconds);
      return closing;
    },
  };
}

function createHttpServer(exchanges: Exchanges, { requestSeconds, maxConnections }: ServeLimits): Server {
  const milliseconds = requestSeconds * 1000;
  const timeouts = {
    requestTimeout: milliseconds,
    headersTimeout: milliseconds,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(milliseconds / 4)),
  };
  const server = createServer(timeouts, (request, response) => exchanges.begin(request, response));
  server.maxConnections = maxConnections;
  server.on('clientError', (error, socket) => refuseConnection(error, socket, exchanges.isAnswering(socket)));
  return server;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another with --port',
  EACCES: 'not permitted; choose a port above 1023 with --port',
  EADDRNOTAVAIL: 'this machine does not have that address; choose another with --host',
  ENOTFOUND: 'there is no such host; choose another with --host',
};

function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = reasons[error.code ?? ''] ?? error.message;
      failed(new UserError(`serve: cannot listen on ${host} port ${port}: ${reason}`, { cause: error }));
    });
    server.listen(port, host, done);
  });
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('internal: a server without a port');
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

async function close(server: Server, exchanges: Exchanges, graceSeconds: number): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeIdleConnections();
  await exchanges.stop(graceSeconds);
  server.closeAllConnections();
  await closed;
}
