// The JSON body of a request, bounded in size. How long it may take is Node's `requestTimeout`.

import type { IncomingMessage } from 'node:http';
import { ApiError, ClientGone } from './api-error.ts';

/**
 * Reads the whole body, which must be one JSON object.
 *
 * @throws ApiError when it is too large, of another type or not JSON; ClientGone when it never ends.
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<Record<string, unknown>> {
  checkHeaders(request, maxBytes);
  const bytes = await readBytes(request, maxBytes);
  const value = parseJson(bytes);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new ApiError(400, 'The body must be a JSON object.');
}

function checkHeaders(request: IncomingMessage, maxBytes: number): void {
  const {
    'content-type': type = '',
    'content-encoding': encoding = 'identity',
    'content-length': length,
  } = request.headers;
  // A page in a browser can send other types to any address without asking, so this also keeps other sites' scripts
  // out.
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(415, 'The body must be JSON; send the header content-type: application/json.');
  }
  if (encoding !== 'identity') throw new ApiError(415, 'A compressed body is not supported; send it as it is.');
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(413, `The body is larger than ${maxBytes} bytes; send less.`, { code: 'body_too_large' });
}

/** What comes after the limit is read and dropped: a client that still sends would not see the answer otherwise. */
function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((done, failed) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        chunks.length = 0;
        failed(tooLarge(maxBytes));
      }
    });
    request.on('end', () => done(Buffer.concat(chunks)));
    request.on('error', () => failed(new ClientGone()));
    request.on('close', () => failed(new ClientGone()));
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    throw new ApiError(400, `The body is not JSON: ${reason}.`);
  }
}
