// Backends in a page: whoever wants one of TF.js's imports its package, and TF.js knows it then.

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
