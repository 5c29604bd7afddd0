// The types of `@tensorflow/tfjs-core` as one file that compiles in any project. Those of the package do not where
// libraries are checked (`skipLibCheck: false`): they name types of a page that a program for Node lacks, a package
// without types (`long`), and declarations of WebGPU that contradict TypeScript's own.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const modules = dirname(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-core')));
const chainedOps = join(modules, 'public/chained_ops');

const licence = `/*! The types of @tensorflow/tfjs-core, in one file. Copyright Google LLC. Licensed under the Apache License, Version 2.0:
 * http://www.apache.org/licenses/LICENSE-2.0. Changed: private members and types of a page are left out. */
`;

/** What TF.js takes or gives of a page, as far as it is looked at; the page's own types fit. */
const ofPage = `
interface Long { readonly high: number; readonly low: number; readonly unsigned: boolean; }
interface Sized { readonly width: number; readonly height: number; }
interface ImageData extends Sized { readonly data: Uint8ClampedArray; }
type HTMLImageElement = Sized;
type HTMLCanvasElement = Sized;
type HTMLVideoElement = Sized;
type ImageBitmap = Sized;
type OffscreenCanvas = Sized;
type File = object;
type Storage = object;
type IDBFactory = object;
type RequestInit = object;
type Response = object;
type RequestInfo = string | object;
type ReadableStream<_ = unknown> = object;
type WebGLTexture = object;
type WebGLRenderingContext = object;
type WebGLContextAttributes = object;
type HTMLSourceElement = object;
type Navigator = object;
type GPUBuffer = object;
declare function fetch(input: RequestInfo, init?: RequestInit): Promise<Response>;
`;

/** The ops that are methods of a tensor: the package declares each in a file, which adds it to the class. */
function methodsOfTensors(): string {
  const files = readdirSync(chainedOps).filter((name) => name.endsWith('.d.ts'));
  const methods = files.flatMap((name) => {
    const text = readFileSync(join(chainedOps, name), 'utf8');
    return /interface Tensor<R extends Rank = Rank> \{([\s\S]*?)\n {4}\}/.exec(text)?.[1] ?? [];
  });
  return `interface Tensor<R extends Rank = Rank> {${methods.join('')}\n}\n`;
}

/** Writes `tensor/tfjs-core.d.ts`, and lets `tensor/tf.d.ts` name it in place of the package. */
export async function bundleTfjsTypes(outDir: string): Promise<void> {
  const bundle = await rolldown({
    input: join(modules, 'index.d.ts'),
    plugins: [dts({ dtsInput: true, sourcemap: false })],
    checks: { bundlerTimings: false },
  });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  const types = output[0].code
    .replace(/^\/\/\/ <reference.*\n/gm, '')
    // With them, what TF.js's own declarations call a tensor would not be one.
    .replace(/^ +(private|protected) .*\n/gm, '');
  const folder = join(outDir, 'tensor');
  writeFileSync(join(folder, 'tfjs-core.d.ts'), licence + types + ofPage + methodsOfTensors());
  writeFileSync(join(folder, 'tf.d.ts'), "export * as tf from './tfjs-core.js';\n");
}
