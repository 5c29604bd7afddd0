// Giving something back after work, so that an error of the work is the one that is told.

/**
 * What `work` comes to, after `release`.
 *
 * Where both fail, for one reason as a rule (a folder that is gone or read-only), the error of the work says more.
 */
export async function andRelease<T>(work: () => Promise<T>, release: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await release().catch(() => {});
    throw error;
  }
  await release();
  return result;
}
