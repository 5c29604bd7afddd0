// How many inputs a fuzz target tries: few by default, which CI can pay; FUZZ_RUNS=20000 for a thorough search.

export function fuzzRuns(standard: number): number {
  const asked = Number(process.env.FUZZ_RUNS ?? Number.NaN);
  return Number.isInteger(asked) && asked > 0 ? asked : standard;
}
