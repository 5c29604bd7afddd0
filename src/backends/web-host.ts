// Backends in a page: WebGPU is imported when it is wanted; for another backend of TF.js a page imports its package,
// which registers it with TF.js.

import type { BackendSource, Host } from './host.ts';

const importedBy = (howToGet: string | null): BackendSource => ({ load: async () => {}, howToGet });

const webgpu = 'a browser with WebGPU, on a machine with a GPU';

export const webHost: Host = {
  sources: {
    wasm: importedBy("`import '@tensorflow/tfjs-backend-wasm'`"),
    webgpu: { load: async () => void (await import('@tensorflow/tfjs-backend-webgpu')), howToGet: webgpu },
    tensorflow: importedBy(null),
  },
  advice: () => null,
};
