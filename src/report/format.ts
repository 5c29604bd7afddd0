// Numbers as people read them.

/** For axis ticks: no digits that floating point made up, thousands as `12.5k`, tiny values as `3e-5`. */
export function formatTick(value: number): string {
  return compact(value, 6);
}

/** Four significant digits at most. */
export function formatShort(value: number): string {
  return compact(value, 4);
}

function compact(value: number, digits: number): string {
  return plain(value, digits).replaceAll('-', '\u2212');
}

function plain(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(digits))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(digits))}k`;
  const rounded = Number(value.toPrecision(digits));
  return size > 0 && size < 1e-4 ? rounded.toExponential() : String(rounded);
}

/** Three decimals, but more of them for a value that would otherwise round to nothing. */
export function formatNumber(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? formatShort(value) : value.toFixed(3);
}

/** `1,234`, then `12.3 k`, `1.79 M`, `671 B`. */
export function formatCount(value: number): string {
  if (value < 1e4) return Math.round(value).toLocaleString('en-US');
  if (value < 1e6) return `${Number((value / 1e3).toPrecision(3))} k`;
  if (value < 1e9) return `${Number((value / 1e6).toPrecision(3))} M`;
  return `${Number((value / 1e9).toPrecision(3))} B`;
}

/** `48 s`, `4 min 12 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return seconds < 10 ? `${Number(seconds.toFixed(1))} s` : `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-11-23 16:20 UTC`; a text that is no ISO 8601 time stays as it is. */
export function formatTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$/, '$1 $2 UTC');
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** With a capital letter in front. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
