// Numbers as people read them.

const units = [
  { size: 1e12, name: 'T' },
  { size: 1e9, name: 'B' },
  { size: 1e6, name: 'M' },
  { size: 1e3, name: 'k' },
];

/** `1234567` as `1.23 M`: three significant digits and k, M, B or T; below a thousand as it is. */
export function formatCount(value: number): string {
  // 999 500 would round to `1000 k`, so a unit starts where its three digits do.
  const unit = units.find(({ size }) => Math.abs(value) >= size * 0.9995);
  if (unit === undefined) return String(Math.round(value));
  return `${threeDigits(value / unit.size)} ${unit.name}`;
}

function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded)))));
}

/** A measured number, never in powers of ten: `0.0123`, `79.2` or `1,280`. */
export function formatMeasured(value: number): string {
  return value < 999.5 ? value.toPrecision(3) : formatExact(value);
}

/** `1234567` as `1,234,567`, in every locale. */
export function formatExact(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** Seconds as `42s`, `7m 05s` or `3h 12m`; `?` when not finite. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** A size in bytes as `12.3 MB` (powers of ten). */
export function formatBytes(bytes: number): string {
  const counted = formatCount(bytes);
  return counted.includes(' ') ? `${counted.replace('k', 'K').replace(' B', ' G')}B` : `${counted} B`;
}

/** `1 step`, `2 steps`; `many` is the plural where it is not the noun with an s. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatExact(count)} ${count === 1 ? noun : many}`;
}
