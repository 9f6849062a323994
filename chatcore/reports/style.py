"""How a report looks: paper and ink with one green, as the pages (.streamlit/config.toml), light or dark as the reader's screen is."""

STYLE = """
:root { color-scheme: light dark; --paper: #fcfbf8; --card: #fffefb; --ink: #24221e; --soft: #615d54; --edge: #dfdacf;
  --better: #22634b; --worse: #9c3323; --cell: #3F8F70; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #1a1b19; --card: #20221f; --ink: #e9e7e0; --soft: #b3b4ac;
  --edge: #3b3e39; --better: #85c8a9; --worse: #f09a85; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1, h2 { font-family: Georgia, "Times New Roman", serif; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 0 0 .75rem; }
p { margin: .25rem 0; overflow-wrap: anywhere; }
.soft, footer { color: var(--soft); }
.soft, footer, details, table { font-size: .9rem; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem; margin: 1.25rem 0 .75rem; padding: 0; }
.tiles > div, section { background: var(--card); border: 1px solid var(--edge); border-radius: .6rem; }
.tiles > div { padding: .75rem .9rem; }
.tiles dt { color: var(--soft); font-size: .9rem; }
.tiles dd { margin: 0; }
.tiles .value { font-size: 1.6rem; line-height: 1.3; }
.tiles .change { font-size: .9rem; color: var(--soft); }
.tiles .better { color: var(--better); }
.tiles .worse { color: var(--worse); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); gap: 0 1rem; }
section { padding: 1rem 1.1rem; margin: 1rem 0 0; min-width: 0; break-inside: avoid; }
.plot { display: grid; grid-template-columns: 4rem minmax(0, 1fr); padding: .6rem 1.2rem 0 0; }
.drawing { width: 100%; height: 14rem; display: block; overflow: visible; }
.beside, .under { position: relative; font-size: .8rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.beside span { position: absolute; right: .5rem; transform: translateY(-50%); white-space: nowrap; }
.under { grid-column: 2; height: 1.6rem; }
.under span { position: absolute; top: .3rem; transform: translateX(-50%); white-space: nowrap; }
.grid { stroke: var(--edge); stroke-width: 1; vector-effect: non-scaling-stroke; }
.line { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.dot { stroke-width: 7; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.cell { fill: var(--cell); }
.days .drawing { height: 10rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .5rem 0 0; padding: 0; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .4rem; overflow-wrap: anywhere; min-width: 0; }
.legend svg { flex: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--edge); vertical-align: top; white-space: nowrap; }
thead th { vertical-align: bottom; }
th { font-weight: 600; color: var(--soft); }
th[scope=row] { color: var(--ink); font-weight: 400; white-space: normal; overflow-wrap: anywhere; min-width: 10.5rem; max-width: 20rem; }
.numbers th[scope=row] { min-width: 3rem; white-space: nowrap; }
.number { text-align: right; }
th.number { white-space: normal; min-width: 4.5rem; }
.numbers th.number { min-width: 2rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { margin-top: 1rem; }
details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--soft); }
details dt { font-weight: 600; margin-top: .5rem; }
details dd { margin: 0; }
details .scroll { max-height: 24rem; overflow: auto; margin-top: .4rem; }
@media (max-width: 720px) { .tiles { grid-template-columns: repeat(2, 1fr); } }
@media (max-width: 480px) { .under span:nth-child(even) { display: none; } .plot { grid-template-columns: 3.2rem minmax(0, 1fr); }
  .drawing { height: 11rem; } th, td { padding: .3rem .4rem; } }
@media print { :root { color-scheme: light; } body { font-size: 11px; background: #fff; } main { max-width: none; padding: 0; }
  .tiles > div, section { background: none; } .tiles { grid-template-columns: repeat(4, 1fr); gap: .4rem; }
  .tiles .value { font-size: 1.2rem; }
  .pair { grid-template-columns: 1fr 1fr; } .pair .under span:nth-child(even) { display: none; } section { padding: .6rem .7rem; }
  .drawing { height: 9rem; } .days .drawing { height: 7rem; }
  .numbers { display: none; } .scroll { overflow: visible; } table { font-size: 9px; }
  th, td { padding: .15rem .3rem; white-space: normal; } th.number { min-width: 0; } th[scope=row] { min-width: 6rem; }
  .counted::details-content { content-visibility: visible; block-size: auto; } summary { list-style: none; } }
"""
