// Colours of heat maps, that people who see few colours can tell apart: blue to orange through a neutral middle for
// what has a middle, and one hue from pale to strong for what has none. They come from the style sheet, which has them
// for light and dark.

export type Scale = 'load' | 'share' | 'signed';

type Rgb = readonly [number, number, number];

/** The colours of the active scheme. */
export interface Palette {
  readonly low: Rgb;
  readonly middle: Rgb;
  readonly high: Rgb;
  readonly dead: Rgb;
  readonly text: string;
  readonly faint: string;
  readonly accent: string;
}

/** Reads the custom properties that hold at an element. */
export function paletteAt(element: Element): Palette {
  const style = getComputedStyle(element);
  const text = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise;
  return {
    low: rgbOf(text('--heat-low', '#2b6cb0')),
    middle: rgbOf(text('--heat-middle', '#f4f4f2')),
    high: rgbOf(text('--heat-high', '#c05a00')),
    dead: rgbOf(text('--heat-dead', '#111111')),
    text: style.color,
    faint: text('--chart-grid', '#d8d8d4'),
    accent: text('--accent', '#2b6cb0'),
  };
}

function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex.replace('#', ''), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/**
 * The colour of a value. `load`: multiples of the mean load, a quarter to four times; nothing at all has a colour of
 * its own. `share`: 0 to `largest`. `signed`: minus `largest` to `largest`.
 */
export function colourOf(value: number, scale: Scale, largest: number, { low, middle, high, dead }: Palette): Rgb {
  if (scale === 'load' && value === 0) return dead;
  if (scale === 'share') return mix(middle, high, clamp(Math.sqrt(value / largest), 0, 1));
  const place = scale === 'load' ? clamp(Math.log2(value) / 2, -1, 1) : clamp(value / largest, -1, 1);
  return place < 0 ? mix(middle, low, -place) : mix(middle, high, place);
}

function clamp(value: number, least: number, most: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : least;
}
