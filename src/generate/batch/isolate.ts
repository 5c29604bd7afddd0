// One bad sequence must not take the whole batch down.

/** The logits, or null and why there are none. */
export interface Attempt {
  readonly value: Float32Array | null;
  readonly error: unknown;
}

/**
 * Runs a call of the decoder with all inputs; if it fails, with each of them alone, so that the others get their logits.
 *
 * @param restore undoes what a failed call may have done for an input.
 */
export async function attemptEach<Input>(
  inputs: readonly Input[],
  call: (inputs: readonly Input[]) => Promise<readonly Float32Array[]>,
  restore: (input: Input) => void = () => {},
): Promise<readonly Attempt[]> {
  try {
    return (await call(inputs)).map((value) => ({ value, error: null }));
  } catch (error) {
    for (const input of inputs) restore(input);
    if (inputs.length === 1) return [{ value: null, error }];
    const results: Attempt[] = [];
    for (const input of inputs) {
      const [{ value, error: reason }] = (await attemptEach([input], call, restore)) as [Attempt];
      // Logits are valid until the next call only.
      results.push({ value: value?.slice() ?? null, error: reason });
    }
    return results;
  }
}
