// WebGPU for the tests of this folder: SwiftShader where Chromium is installed, or the GPU of the machine.

import { howToInstall } from '../peers/load-peer.ts';
import { useSoftwareVulkan } from '../conformance/software-vulkan.ts';
import { reasonMissing } from '../conformance/suite.ts';

/** Why there is none, or null; the backend is active then. */
export function whyNoGpu(): Promise<string | null> {
  useSoftwareVulkan();
  const hint = `; in a clone: ${howToInstall}; without a GPU, in software: apt-get install chromium`;
  return reasonMissing('webgpu', hint);
}
