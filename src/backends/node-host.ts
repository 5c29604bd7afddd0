// TF.js's backends in Node.

import { createRequire } from 'node:module';
import { runningWebGpu } from '../webgpu/running.ts';
import { nodeAdvice } from './engine-advice.ts';
import type { Host } from './host.ts';

// CommonJS, like TF.js's core under Node: they must share one engine.
const require = createRequire(import.meta.url);

/** Dawn for Node gives the page's `navigator.gpu`; the WebGPU backend looks for it when it is imported. */
async function loadWebGpu(): Promise<void> {
  if (!('gpu' in (Reflect.get(globalThis, 'navigator') ?? {}))) {
    // A name in a variable is not resolved by compilers: the package is installed only by those who compute with it.
    const name = 'webgpu';
    const dawn: { create(flags: string[]): object; globals: object } = await import(name);
    Object.assign(globalThis, dawn.globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: dawn.create([]) }, configurable: true });
    // Dawn's threads must have ended before the process takes down what they use.
    process.once('exit', () => runningWebGpu()?.commands.device.destroy());
  }
  require('@tensorflow/tfjs-backend-webgpu');
}

/** tfjs-node 4.22 calls helpers that Node 23 removed (tfjs#8609). */
async function loadTensorFlow(): Promise<void> {
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const name = '@tensorflow/tfjs-node';
  await import(name);
}

export const nodeHost: Host = {
  sources: {
    wasm: { load: async () => void require('@tensorflow/tfjs-backend-wasm'), howToGet: null },
    webgpu: { load: loadWebGpu, howToGet: '`npm install webgpu`, and a GPU with Vulkan, Metal or D3D12' },
    tensorflow: {
      load: loadTensorFlow,
      howToGet: '`npm install @tensorflow/tfjs-node` (downloads libtensorflow)',
    },
  },
  advice: nodeAdvice,
};
