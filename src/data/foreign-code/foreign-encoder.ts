// A `tokenizer.json` whose patterns or normalizers only Hugging Face's library knows, in Node: with limits.

import { extname } from 'node:path';
import { UserError } from '../../errors.ts';
import { libraryEncoder } from './library-encoder.ts';
import { LimitedProcess } from './limited-process.ts';
import { TimeUp, withinSeconds } from './time-limit.ts';

const entry = new URL(`./library-process${extname(import.meta.url)}`, import.meta.url);

const limits = {
  remedy: 'its patterns are not fit for that text; use another tokenizer.json',
  readSeconds: 60,
  seconds: 10,
  memory: 2048,
};

/** Characters that even a slow machine encodes in a second; a pattern that backtracks without end does far fewer. */
const charactersASecond = 10_000;

/** Encodes texts. */
export interface ForeignEncoder {
  /** @throws UserError at a limit; Error for what the library throws */
  encode(text: string): unknown;
  /** The same while other things go on. */
  encodeAside(text: string, signal?: AbortSignal): Promise<unknown>;
}

/** @param name how errors call the file */
export function foreignEncoder(json: object, name: string): ForeignEncoder {
  const what = `tokenizer: ${name}: encoding a text`;
  const encode = within(limits.readSeconds, what, () => libraryEncoder(json));
  const aside = new LimitedProcess(entry, JSON.stringify(json), { ...limits, what });
  return {
    encode: (text) => within(limits.seconds + text.length / charactersASecond, what, () => encode(text)),
    encodeAside: (text, signal) => aside.call(text, { moreSeconds: text.length / charactersASecond, signal }),
  };
}

function within<T>(seconds: number, what: string, work: () => T): T {
  try {
    return withinSeconds(seconds, work);
  } catch (error) {
    if (!(error instanceof TimeUp)) throw error;
    throw new UserError(`${what} took more than ${Math.ceil(seconds)} seconds; ${limits.remedy}`, { cause: error });
  }
}
