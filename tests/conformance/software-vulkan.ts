// A GPU in software for Node's WebGPU: the SwiftShader driver and Vulkan loader that come with Debian's Chromium.

import { existsSync } from 'node:fs';
import { constants } from 'node:os';

const folder = '/usr/lib/chromium';
/** Keeps a library loaded after Node has found that it is no addon (glibc's RTLD_NODELETE). */
const keepLoaded = 0x1000;

/** Points Dawn at SwiftShader where Chromium is installed and no driver was chosen; must run before Dawn starts. */
export function useSoftwareVulkan(): void {
  const driver = `${folder}/vk_swiftshader_icd.json`;
  if (process.env.VK_ICD_FILENAMES !== undefined || !existsSync(driver)) return;
  process.env.VK_ICD_FILENAMES = driver;
  // Dawn asks for `libvulkan.so.1` by name; one that is in memory already is found wherever it came from, while
  // LD_LIBRARY_PATH would have to be set before Node starts.
  if (existsSync(`${folder}/libvulkan.so.1`)) loadLibrary(`${folder}/libvulkan.so.1`);
}

function loadLibrary(path: string): void {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | keepLoaded);
  } catch (error) {
    const notAnAddon = error instanceof Error && error.message.includes('did not self-register');
    if (!notAnAddon) throw error;
  }
}
