"""The report of a trial, as a single HTML file and as Markdown."""

from collections.abc import Sequence

from jinja2 import Environment

from coordconv_lab.trials.drawing import differences_drawn, gain_drawn
from coordconv_lab.trials.outcome import HEADER, LOSS_HEADER, Outcome

__all__ = ["as_html", "as_markdown"]

_PAGE = """{% macro table(header, rows, label) %}
<div class="wide" tabindex="0" role="region" aria-label="{{ label }}">
<table>
<thead><tr>{% for cell in header %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}<tr>{% for cell in row %}
{%- if loop.first %}<th scope="row">{{ cell }}</th>{% else %}<td>{{ cell }}</td>{% endif %}
{%- endfor %}</tr>
{% endfor %}</tbody>
</table>
</div>
{% endmacro %}<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap;
  font-size: .9rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; } tbody th { font-weight: normal; }
.wide { overflow-x: auto; }
.arm { border-left: .3rem solid #888; padding: .1rem 0 .1rem .8rem; margin: .8rem 0; }
.helps { border-color: #0072b2; } .hurts { border-color: #d55e00; }
.warning { border: 2px solid #d55e00; padding: .5rem .8rem; }
.arm, .warning { overflow-wrap: anywhere; }
figure { margin: 1rem 0; width: fit-content; max-width: 100%; box-sizing: border-box;
  background: #fff; color: #000; padding: .3rem; }
svg { display: block; max-width: 100%; height: auto; }
small { display: block; margin-top: 2rem; }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
{% for line in outcome.warnings %}<p class="warning" role="note">{{ line }}</p>
{% endfor %}{% for row in outcome %}
{% set verdict = row.against_plain.verdict if row.against_plain else '' %}
<p class="arm {{ verdict | replace(' ', '-') }}">
<strong>{{ row.headline }}</strong>{{ row.words[row.headline | length:] }}</p>
{% endfor %}{% if outcome.remark %}<p>{{ outcome.remark }}</p>{% endif %}
<h2>Scores and costs</h2>
{{ table(header, outcome.cells(), 'Scores and costs of all arms') }}
<figure role="img" aria-label="How much better each arm scores than without coordinates, by seed">
{{ differences | safe }}
</figure>
{% if outcome.best and outcome.best.losses %}
<h2>Arm {{ outcome.best.arm }}, scored again with changed coordinates</h2>
<p>Each trained network was scored again with changed coordinates. The drop in the score at the mean
position is the network's gain from position.</p>
{{ table(loss_header, outcome.best.cells, 'Scores with changed coordinates') }}
{% endif %}{% if gain %}
<h2>Where arm {{ outcome.best.arm }} gains</h2>
<p>{{ outcome.best.gain.words }} The figure shows the mean over {{ outcome.best.gain.seeds }} seeds.
In a map, blue marks smaller errors than without coordinates, and red marks larger errors.</p>
<figure role="img" aria-label="Map of the gain over the image">
{{ gain | safe }}
</figure>
{% endif %}<small>{{ outcome.method }}</small>
</main>
</body>
</html>
"""


def as_html(outcome: Outcome, title: str = "Do coordinates help?") -> str:
    """Return an HTML page with the verdicts, costs, scores with changed coordinates and figures."""
    template = Environment(autoescape=True).from_string(_PAGE)
    best = outcome.best
    return template.render(
        title=title,
        outcome=outcome,
        header=HEADER,
        loss_header=LOSS_HEADER,
        differences=differences_drawn(outcome),
        gain="" if best is None or best.gain is None else gain_drawn(best.gain),
    )


def as_markdown(outcome: Outcome, title: str = "Do coordinates help?") -> str:
    """Return the verdicts and the tables as Markdown, for a pull request."""
    lines = [f"# {title}", "", *(f"- {w}" for w in outcome.words), ""]
    lines += [*_table(HEADER, outcome.cells()), ""]
    if outcome.best is not None and outcome.best.losses:
        lines += [f"Arm {outcome.best.arm}, scored again with changed coordinates:", ""]
        lines += [*_table(LOSS_HEADER, outcome.best.cells), ""]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    marks = ["---", *["--:"] * (len(header) - 1)]
    return [line(header), line(marks), *map(line, rows)]
