// The process in which the cells of a notebook run; its argument is their module.

import { format } from 'node:util';
import { pathToFileURL } from 'node:url';
import { setDisplayHook } from 'tinyseek';
import type { Output } from './execute.ts';

let cell = 0;
const send = (output: Output) => process.send?.({ cell, output });

Reflect.set(globalThis, 'tinyseekCell', (index: number) => {
  cell = index;
});
console.log = (...values) => send({ text: `${format(...values)}\n` });
setDisplayHook((bundle) => void send({ svg: bundle['image/svg+xml'], plain: bundle['text/plain'] }));

await import(pathToFileURL(process.argv[2]!).href);
process.disconnect();
