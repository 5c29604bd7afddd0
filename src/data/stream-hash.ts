// A hash of what is trained on: a run that goes on compares it with the one it began with.

import { UserError } from '../errors.ts';
import type { TokenStream } from './packing.ts';

/**
 * SHA-256 of streams: of their ids and of where documents begin, in order.
 *
 * @throws UserError in pages that are not on https or localhost, which have no SHA-256.
 */
export async function hashStreams(streams: readonly TokenStream[]): Promise<string> {
  const digests: Uint8Array<ArrayBuffer>[] = [];
  for (const stream of streams) {
    for (const block of stream.blocks()) digests.push(await sha256(block));
    digests.push(await sha256(new Uint8Array(stream.starts.buffer)));
  }
  const all = new Uint8Array(32 * digests.length);
  digests.forEach((digest, i) => {
    all.set(digest, 32 * i);
  });
  return Array.from(await sha256(all), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { subtle }: { subtle?: typeof globalThis.crypto.subtle } = globalThis.crypto ?? {};
  if (subtle !== undefined) return new Uint8Array(await subtle.digest('SHA-256', bytes));
  throw new UserError('data: SHA-256 is missing here; browsers have it on https pages and on localhost');
}
