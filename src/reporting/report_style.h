// The style sheet of report.html.
#pragma once

namespace rl::reporting {

inline constexpr const char* kReportStyle = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1c2430; --faint: #667085; --grid: #e4e7ec;
  --axis: #98a2b3; --line0: #2563c9; --line1: #c2410c; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171c; --card: #1d2128; --text: #e6e9ee; --faint: #98a2b3; --grid: #2f3540;
  --axis: #667085; --line0: #6ea8fe; --line1: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; font-weight: 650; margin: 0 0 20px; letter-spacing: -0.01em; }
h2 { font-size: 15px; font-weight: 600; margin: 32px 0 12px; color: var(--faint);
  text-transform: capitalize; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin-bottom: 16px; }
.tile, figure, .summary, details { background: var(--card); border: 1px solid var(--grid);
  border-radius: 10px; }
.tile { padding: 12px 16px; }
.tile .name, .tile .note { color: var(--faint); font-size: 13px; min-height: 1.5em; }
.tile .value { font-size: 24px; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 12px; }
figure { margin: 0; padding: 12px 12px 4px; }
figcaption { font-weight: 600; padding: 0 4px 6px; }
figcaption::first-letter { text-transform: uppercase; }
.legend { float: right; font-weight: 400; font-size: 13px; color: var(--faint); }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin: 0 6px 0 14px; }
.key.series0 { background: var(--line0); }
.key.series1 { background: var(--line1); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--axis); }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.curve.series0, .bar.series0 { stroke: var(--line0); }
.curve.series1, .bar.series1 { stroke: var(--line1); }
.bar { stroke-width: 1.5; opacity: 0.7; }
.dot.series0 { fill: var(--line0); }
.dot.series1 { fill: var(--line1); }
table { border-collapse: collapse; width: 100%; }
.summary { border-collapse: separate; border-spacing: 0; padding: 6px 16px; }
th { text-align: left; font-weight: 500; color: var(--faint); width: 40%; }
th, td { padding: 4px 0; font-variant-numeric: tabular-nums; vertical-align: top; }
details { margin-top: 16px; padding: 10px 16px; }
details summary { cursor: pointer; font-weight: 600; }
)css";

}  // namespace rl::reporting
