// Text as bytes that may be written anywhere.

import { jsonText } from './json.ts';

/** The UTF-8 bytes of a text, in an array buffer of their own. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** The bytes of a JSON file. */
export function encodeJson(value: object): Uint8Array<ArrayBuffer> {
  return encodeUtf8(jsonText(value));
}
