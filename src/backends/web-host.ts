// Backends in a page: whoever wants one of TF.js's imports its package, and the bundle has it then.

import type { BackendSource, Host } from './host.ts';

function imported(tfName: string, package_: string | null): BackendSource {
  return {
    load: async () => {
      const { tf } = await import('../tensor/tf.ts'); // not before: who only asks for help needs none of it
      if (tf.findBackendFactory(tfName) === null) throw new Error('it is not part of this page');
    },
    howToGet: package_ && `import '${package_}'`,
  };
}

export const webHost: Host = {
  sources: {
    wasm: imported('wasm', '@tensorflow/tfjs-backend-wasm'),
    webgpu: imported('webgpu', '@tensorflow/tfjs-backend-webgpu'),
    tensorflow: imported('tensorflow', null),
  },
  advice: () => null,
};
