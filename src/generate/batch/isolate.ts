// Keeps an error in one sequence from ending the whole batch.

/** The logits; or null, and the error that is the reason. */
export interface Attempt {
  readonly value: Float32Array | null;
  readonly error: unknown;
}

/**
 * Runs a call of the decoder with all inputs. If it fails, runs it with each input alone, so that the others get
 * logits.
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
