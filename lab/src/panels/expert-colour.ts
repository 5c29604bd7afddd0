/**
 * A hue for each expert, by turns of the golden angle, so that neighbours are far apart. It is never the only sign:
 * the number of the expert stands beside it.
 */
export function expertColour(expert: number): string {
  return `oklch(0.66 0.13 ${Math.round((expert * 137.508 + 30) % 360)})`;
}
