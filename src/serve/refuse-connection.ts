// What Node's parser cannot make a request of: answered on the bare connection, which is then closed.

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from './api-error.ts';

const lingerMilliseconds = 1000;

function toApiError(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ApiError(408, 'The request took too long to arrive.');
  if (error.code === 'HPE_HEADER_OVERFLOW') return new ApiError(431, 'The headers are too large.');
  return new ApiError(400, 'This is not an HTTP request.');
}

/**
 * Says what is wrong and closes the connection, a moment later: at once would take the answer from a client that sends.
 *
 * @param isAnswering whether another response is being written to this connection; it is then closed without a word.
 */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex, isAnswering: boolean): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { status, body } = toApiError(error);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
}
