// The style sheet of the report: light and dark, phone and desktop, system fonts only.

export const style = `:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --text: #1c1e21; --muted: #5b616a; --grid: #dfe1e4; --link: #1a5fb4;
  --under: #1f6fc4; --over: #c2500a;
  --series-0: #1f6fc4; --series-1: #c2500a; --series-2: #1e7d3c; --series-3: #7d43bd;
  --series-4: #b92b6d; --series-5: #0b7480; --series-6: #806000; --series-7: #5d6470;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111317; --card: #1a1d22; --text: #e8eaed; --muted: #a5acb6; --grid: #333840; --link: #8ab8ff;
    --under: #5ea2ff; --over: #ff8f4a;
    --series-0: #6aa9ff; --series-1: #ff9a57; --series-2: #5fc77a; --series-3: #c09aff;
    --series-4: #ff86b6; --series-5: #4ccdd9; --series-6: #e0b84e; --series-7: #b4bbc5;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 16px; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 8px 0; }
h2 { font-size: 1.25rem; margin: 36px 0 12px; }
h3 { font-size: 1rem; margin: 0 0 2px; }
.run { margin: 16px 0 6px; }
h4 { font-size: .875rem; margin: 0 0 2px; font-weight: 600; }
a { color: var(--link); }
header p, .advice, footer, small { color: var(--muted); }
header p { margin: 4px 0; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 12px 0; }
nav a { padding: 4px 0; }
.card { background: var(--card); border: 1px solid var(--grid); border-radius: 10px; padding: 14px; margin: 0; min-width: 0; }
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); }
.columns { columns: 400px 2; column-gap: 14px; }
.columns .card, .stack .card { break-inside: avoid; margin-bottom: 14px; }
.wide { grid-column: 1 / -1; }
.panels { display: grid; gap: 12px 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); }
.panels.large { grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); }
.advice { font-size: .875rem; line-height: 1.4; margin: 0 0 8px; }
figure svg[role] { display: block; width: 100%; height: auto; overflow: visible; }
figure { display: flex; flex-direction: column; }
figure:not(:has(svg[role])) { align-self: start; }
@media (max-width: 520px) { .card > svg text, .large svg text, [data-load] svg text { font-size: 15px; } }
figcaption { margin-top: auto; padding-top: 6px; font-size: .8125rem; }
figcaption p { margin: 0 0 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; list-style: none; margin: 0 0 6px; padding: 0; font-size: .8125rem; }
.legend svg { margin-right: 6px; vertical-align: middle; }
.scale { display: flex; align-items: center; gap: 8px; font-size: .8125rem; margin-bottom: 6px; }
.scale span { white-space: nowrap; }
.bar { flex: 0 1 140px; min-width: 40px; height: 12px; border: 1px solid var(--grid);
  background: linear-gradient(to right, var(--under), transparent, var(--over)); }
.bar.over { background: linear-gradient(to right, transparent, var(--over)); }
.slider { display: flex; align-items: center; gap: 12px; margin: 4px 0 0; font-size: .875rem; font-variant-numeric: tabular-nums; }
.slider input { flex: 1; min-width: 0; height: 32px; accent-color: var(--link); }
.slider input[hidden] { display: none; }
.tiles { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); margin: 16px 0; }
.tile { background: var(--card); border: 1px solid var(--grid); border-radius: 10px; padding: 10px 12px; }
.tile dt { font-size: .8125rem; color: var(--muted); }
.tile dd { margin: 0; }
.tile strong { display: block; font-size: 1.375rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { font-size: .75rem; color: var(--muted); display: block; line-height: 1.35; }
.samples { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); }
.text { white-space: pre-wrap; font: .875rem/1.5 ui-monospace, monospace; margin: 6px 0 0; }
.scroll { overflow-x: auto; }
.scroll svg[width="940"] { min-width: 700px; }
table + .advice { margin: 10px 0 0; }
table { border-collapse: collapse; font-size: .875rem; width: 100%; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: 6px; }
th, td { overflow-wrap: break-word; text-align: left; padding: 4px 14px 4px 0; border-top: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 400; color: var(--muted); }
th small { display: block; }
thead th, .group th { color: var(--text); font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
summary { cursor: pointer; padding: 8px 0; }
.notice { color: var(--over); font-weight: 600; }
.study { min-width: 640px; }
.study small { display: block; }
.verdict { white-space: nowrap; }
.verdict.reproduced { color: var(--series-2); }
.verdict.contradicted { color: var(--over); }
details > summary { font-weight: 600; }
footer { margin: 36px 0 16px; font-size: .875rem; }`;
