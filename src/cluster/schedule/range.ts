/** `[0, 1, ... length - 1]`; empty where `length` is not positive. */
export function range(length: number): number[] {
  return Array.from({ length: Math.max(0, length) }, (_, index) => index);
}
