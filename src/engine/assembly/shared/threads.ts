// Fork-join over all threads of the engine. Every thread has an instance of this module of its own, over one memory.
//
// A job is a function and a number of chunks. `run` publishes it in one 64-bit word, [epoch 24 | end 20 | next 20], and
// every thread takes a chunk between `next` and `end` with a compare-and-swap until none is left; the caller takes
// part. Because the word names its epoch, a thread that comes late cannot take a chunk of a job that is over, so nobody
// waits for a thread that sleeps: the caller does the work itself.
//
// The caller takes chunks from the front and the first worker from the back, so that what a thread wrote in one job,
// rows of the batch mostly, it finds in its own cache in the next one; they meet wherever one has been faster.
//
// Chunks must not depend on each other, and how a job is cut must not depend on the number of threads: results are then
// the same bits whoever computes them. No reduction is ever split among chunks.

// The control block, one cache line for each word that threads write to.
const WORD: usize = 64;
const FUNCTION: usize = 72; // index of the job in the function table, the same in all instances; who sees WORD has it as well
const DONE: usize = 128;
const EPOCH: usize = 192;
const SLEEPERS: usize = 256;
const WORKERS: usize = 384;
const STOP: usize = 448;
const FAILED: usize = 512; // a worker trapped
const RUNNING: usize = 576; // a job that was begun and has not been joined
const CONTROL_BYTES: usize = 1024;

/** Where a job finds its arguments: kernels lay an unmanaged class over it. */
export const ARGUMENTS: usize = 1024;

/** Chunks a job may have. */
export const MAX_CHUNKS: i32 = (1 << 20) - 1;

// How often a thread looks before it sleeps: about a millisecond, longer than TF.js takes between two kernels.
const SPINS: i32 = 100_000;
const LOOKS_BETWEEN_CHECKS: i32 = 1 << 16;

// Tells the host that a join takes long, for the first, second, ... time; it throws when a worker is gone. With 0: the
// job before was never joined, so its chunks may still be running, and the host must throw.
@external("env", "stalled")
declare function stalled(time: i32): void;

/** Which thread this instance belongs to: 0 is the caller. */
export let threadIndex: i32 = 0;
/** Memory of this thread's own: packed panels and edges of tiles. */
export let scratch: usize = 0;

/** Bytes at `scratch`. */
export const SCRATCH_BYTES: i32 = 64 * 1024;

export function initThread(index: i32, scratchPointer: usize): void {
  threadIndex = index;
  scratch = scratchPointer;
}

export function scratchBytes(): i32 {
  return SCRATCH_BYTES;
}

/** Says that a worker has arrived, or left. */
export function countWorkers(change: i32): void {
  atomic.add<i32>(WORKERS, change);
}

/** Workers that have arrived. */
export function workers(): i32 {
  return atomic.load<i32>(WORKERS);
}

@inline
function next(word: u64): i32 {
  return <i32>(word & 0xfffff);
}

@inline
function end(word: u64): i32 {
  return <i32>((word >> 20) & 0xfffff);
}

/** Takes a chunk and runs it; false when there is none. */
@inline
function takeChunk(): bool {
  const word = atomic.load<u64>(WORD);
  if (next(word) >= end(word)) return false;
  const front = (threadIndex & 1) == 0;
  if (atomic.cmpxchg<u64>(WORD, word, front ? word + 1 : word - (1 << 20)) == word) {
    call_indirect(load<u32>(FUNCTION), front ? next(word) : end(word) - 1);
    atomic.add<i32>(DONE, 1);
  }
  return true;
}

/** Runs `job(0) ... job(chunks - 1)` on all threads; its arguments are at `ARGUMENTS`. Not to be called from a job. */
export function run(job: (chunk: i32) => void, chunks: i32): void {
  if (load<i32>(RUNNING) != 0) stalled(0);
  if (chunks < 2 || load<i32>(WORKERS) == 0) {
    for (let chunk = 0; chunk < chunks; chunk++) job(chunk);
    return;
  }
  store<i32>(RUNNING, 1);
  store<u32>(FUNCTION, load<u32>(changetype<usize>(job)));
  atomic.store<i32>(DONE, 0);
  const epoch = load<i32>(EPOCH) + 1;
  atomic.store<u64>(WORD, ((<u64>epoch & 0xffffff) << 40) | (<u64>chunks << 20));
  atomic.store<i32>(EPOCH, epoch);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(EPOCH, -1);
  while (takeChunk()) {}
  let looks = 0;
  let times = 0;
  while (atomic.load<i32>(DONE) != chunks) {
    if (++looks == LOOKS_BETWEEN_CHECKS) {
      looks = 0;
      stalled(++times);
    }
  }
  store<i32>(RUNNING, 0);
}

/** What a worker does until `stopWorkers`. */
export function work(): void {
  let spins = 0;
  while (atomic.load<i32>(STOP) == 0) {
    if (takeChunk()) spins = 0;
    else if (++spins == SPINS) {
      spins = 0;
      sleep();
    }
  }
}

/**
 * Waits for the next job. No wake-up is lost: the caller writes WORD, then EPOCH, then looks for sleepers; here EPOCH
 * is read first and WORD last, so either the job is seen, or EPOCH is not what it was, or the caller sees this sleeper.
 */
function sleep(): void {
  const epoch = atomic.load<i32>(EPOCH);
  atomic.add<i32>(SLEEPERS, 1);
  const word = atomic.load<u64>(WORD);
  if (next(word) >= end(word) && atomic.load<i32>(STOP) == 0) atomic.wait<i32>(EPOCH, epoch, -1);
  atomic.sub<i32>(SLEEPERS, 1);
}

/** Makes every worker return from `work`. */
export function stopWorkers(): void {
  atomic.store<i32>(STOP, 1);
  atomic.add<i32>(EPOCH, 1);
  atomic.notify(EPOCH, -1);
}

/** Forgets all that was, when no worker is left: others can start. */
export function resetThreads(): void {
  memory.fill(0, 0, CONTROL_BYTES);
}

/** Says that this worker trapped: the chunk it had will never be done. */
export function reportFailure(): void {
  atomic.store<i32>(FAILED, 1);
}

/** Whether a worker trapped. */
export function hasFailed(): bool {
  return atomic.load<i32>(FAILED) != 0;
}

/** Whether a job was left unfinished, by a trap or because the host gave up. */
export function isBroken(): bool {
  return load<i32>(RUNNING) != 0;
}

/** A job of `chunks` chunks that do nothing: what fork-join costs. */
export function emptyJob(chunks: i32): void {
  run((chunk: i32) => {}, chunks);
}

/** Adds one to each of `chunks` integers, one a chunk: shows that every chunk runs once. */
export function countJob(counts: usize, chunks: i32): void {
  store<usize>(ARGUMENTS, counts);
  run((chunk: i32) => {
    const at = load<usize>(ARGUMENTS) + ((<usize>chunk) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }, chunks);
}
