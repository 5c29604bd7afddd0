import type { ServerResponse } from 'node:http';

/**
 * Sends the last part of a response and waits until the client has all of it, or is gone. One that does not take it in
 * time is cut off.
 */
export function finishResponse(response: ServerResponse, body: string, seconds: number): Promise<void> {
  if (response.closed) return Promise.resolve();
  return new Promise((done) => {
    const timer = cutOffAfter(response, seconds);
    response.once('close', () => {
      clearTimeout(timer);
      done();
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
