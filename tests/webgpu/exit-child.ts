// Computes on the GPU and ends, in the way that its argument says, with work under way.

import module from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import '../../src/node.ts';
import { activateBackend } from '../../src/backends/backends.ts';
import { tf } from '../../src/tensor/tf.ts';
import { useSoftwareVulkan } from '../conformance/software-vulkan.ts';

// As in vitest.config.ts: the package is installed beside the tests.
const dawn = resolve(import.meta.dirname, '../peers/node_modules/webgpu/index.js');
// Newer than the types of Node that the package is compiled with.
type Next = (name: string, context: object) => object;
const hooks = module as unknown as { registerHooks(hooks: object): void };
hooks.registerHooks({
  resolve: (name: string, context: object, next: Next) =>
    next(name === 'webgpu' ? pathToFileURL(dawn).href : name, context),
});
useSoftwareVulkan();
await activateBackend('webgpu');
const x = tf.fill([64, 64], 0.5);
const y = tf.matMul(x, x);
console.log('computing');
const values = y.data();
if (process.argv[2] === 'is ended') process.exit(3);
if (process.argv[2] === 'fails') throw new Error('on purpose');
await values;
