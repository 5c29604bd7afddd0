// Text as bytes that may be written anywhere.

/** The UTF-8 bytes of a text, in an array buffer of their own. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** JSON as all of our files have it. */
export function encodeJson(value: object): Uint8Array<ArrayBuffer> {
  return encodeUtf8(`${JSON.stringify(value, null, 2)}\n`);
}
