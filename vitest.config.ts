import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Nothing takes as long, even on a slow machine that is busy: these only turn what would never end into a failure.
const never = 600_000;

// The program looks for it where it is installed itself; the tests have it with the packages that few of them need.
const webgpu = fileURLToPath(new URL('tests/peers/node_modules/webgpu/index.js', import.meta.url));

export default defineConfig({
  resolve: { alias: existsSync(webgpu) ? { webgpu } : {} },
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['src/node.ts'],
    // TF.js keeps its engine in a global: one process a file, and no more of them than cores that do arithmetic.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: never,
    hookTimeout: never,
    // Less, so that what a test waits for in vain is named.
    expect: { poll: { interval: 5, timeout: never / 2 } },
  },
});
