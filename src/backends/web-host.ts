// Backends in a page: a page that wants a backend of TF.js imports its package, which registers it with TF.js.

import type { BackendSource, Host } from './host.ts';

const importedBy = (howToGet: string | null): BackendSource => ({ load: async () => {}, howToGet });

export const webHost: Host = {
  sources: {
    wasm: importedBy("`import '@tensorflow/tfjs-backend-wasm'`"),
    webgpu: importedBy("`import '@tensorflow/tfjs-backend-webgpu'`"),
    tensorflow: importedBy(null),
  },
  advice: () => null,
};
