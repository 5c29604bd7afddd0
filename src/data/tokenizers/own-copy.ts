const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * A string with memory of its own. A part of a longer string is a view of it in V8: whoever keeps a word would keep the
 * text around it.
 */
export function ownCopy(word: string): string {
  return text.decode(utf8.encode(word));
}
