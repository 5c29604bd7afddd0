import type { ServerResponse } from 'node:http';
import { ClientGone } from './api-error.ts';

/**
 * Sends the last part of a response and waits until the client has all of it. One that does not take it in time is cut
 * off.
 *
 * @throws ClientGone when the connection was closed before.
 */
export async function finishResponse(response: ServerResponse, body: string, seconds: number): Promise<void> {
  if (response.closed) throw new ClientGone();
  await new Promise<void>((done, failed) => {
    const timer = cutOffAfter(response, seconds);
    const { socket } = response;
    // Node 20 calls it finished, too, when the connection is destroyed. Node's own listener may close it after the end.
    response.prependOnceListener('finish', () => (socket?.destroyed ? failed(new ClientGone()) : done()));
    response.once('close', () => {
      clearTimeout(timer);
      failed(new ClientGone());
    });
    response.end(body);
  });
}

/** Starts a timer that closes the connection of a client that takes nothing. */
export function cutOffAfter(response: ServerResponse, seconds: number): NodeJS.Timeout {
  // The response to a pipelined request has no connection before those ahead of it are finished.
  return setTimeout(() => response.socket !== null && response.destroy(), seconds * 1000);
}

/** Sends a whole JSON response. */
export function sendJson(response: ServerResponse, status: number, body: object, seconds: number): Promise<void> {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  return finishResponse(response, text, seconds);
}
