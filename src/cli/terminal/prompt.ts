// A prompt, told apart from what a model made of it: dimmed, or in brackets where there are no colours.

import type { Colors } from './colors.ts';
import { printable } from './text.ts';
import type { WordWrap } from './word-wrap.ts';

/** Puts a prompt before the text that continues it, and returns what can be printed of it. */
export function writePrompt(wrap: WordWrap, prompt: string, colors: Colors): string {
  const text = printable(prompt);
  return colors.isColorSupported ? wrap.write(text, colors.dim) : wrap.write(`[${text}]`);
}
