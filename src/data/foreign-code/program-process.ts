// Runs in a process of its own: programs of a model, each in a fresh context that has the language and nothing else.

import { constants, createContext, Script } from 'node:vm';
import { answerCalls } from './process-entry.ts';
import type { Program, Returned } from './program.ts';

const milliseconds = 1000;

/** Memory that the limit of the process does not see, threads, and what is no part of the language. */
const refused = [
  ...['ArrayBuffer', 'SharedArrayBuffer', 'DataView', 'Atomics', 'WebAssembly', 'console'],
  ...['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'],
  ...['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Float16Array'],
];
const refuse = new Script(`for (const name of ${JSON.stringify(refused)}) delete globalThis[name];`);

/**
 * `import()` is refused by its name, since what it rejects with would come from outside of the context; it cannot be
 * written in any other way, because no code is made of text there.
 */
const importing = /\bimport\b/;

function run({ source, calls }: Program): Returned | null {
  if (importing.test(source)) return null;
  const context = createContext(constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: 'afterEvaluate',
  });
  refuse.runInContext(context);
  const call = `(args) => { try { return JSON.stringify(program(...args), plain) ?? null; } catch { return null; } }`;
  // JSON would write NaN and the infinities as null.
  const plain = `(_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value)`;
  const text = `'use strict'; { const plain = ${plain}; const program = (${source}\n); JSON.stringify(${JSON.stringify(calls)}.map(${call})); }`;
  try {
    const found: unknown = new Script(text).runInContext(context, { timeout: milliseconds });
    return typeof found === 'string' ? read(found, calls.length) : null;
  } catch {
    return null;
  }
}

/** A program can bend whatever it finds in its context, so what it gives is not trusted. */
function read(text: string, count: number): Returned | null {
  const found: unknown = JSON.parse(text);
  const isReturned = (value: unknown) => value === null || typeof value === 'string';
  return Array.isArray(found) && found.length === count && found.every(isReturned) ? (found as Returned) : null;
}

answerCalls(() => run);
