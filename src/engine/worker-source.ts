// What a worker thread runs: instantiate the module over the shared memory, take chunks until told to stop.
//
// It is a string because it must start the same way from a .ts file, a .js file and a bundled page.

/** JavaScript of a worker in Node (`workerData`) and in a page (the first message). */
export const workerSource = `
function start({ module, memory, index, scratch }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, stalled() {} } });
  exports.initThread(index, scratch);
  exports.countWorkers(1);
  try {
    exports.work();
  } catch (error) {
    exports.reportFailure();
    throw error;
  } finally {
    exports.countWorkers(-1);
  }
}
if (typeof require === 'function') start(require('node:worker_threads').workerData);
else self.onmessage = ({ data }) => {
  try {
    start(data);
  } finally {
    self.postMessage('ended');
    self.close();
  }
};
`;
