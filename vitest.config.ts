import { defineConfig } from 'vitest/config';

// Nothing takes as long, even on a slow machine that is busy: these only turn what would never end into a failure.
const never = 600_000;

export default defineConfig({
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
