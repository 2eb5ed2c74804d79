"""Curves over several seeds: median and quartiles, as an SVG."""
import statistics


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return statistics.quantiles(values, n=4, method="inclusive")


def points(rows, scale):
    return " ".join(f"{scale[0](x):.1f},{scale[1](y):.1f}" for x, y in rows)


def svg(title, curves, x_label, x_text):
    """`curves`: one list of (x, y) per seed. `x_text` writes a tick of the x axis."""
    curves = [dict(curve) for curve in curves]
    bands = []
    for step in sorted({step for curve in curves for step in curve}):
        values = [curve[step] for curve in curves if step in curve]
        if len(values) >= max(1, len(curves) // 2):
            bands.append((step, *quartiles(values)))
    low = min(b[1] for b in bands)
    high = max(b[3] for b in bands)
    span = (high - low) or 1.0
    scale = (lambda x: 60 + 520 * x / bands[-1][0], lambda y: 200 - 170 * (y - low) / span)
    band = points([(b[0], b[3]) for b in bands] + [(b[0], b[1]) for b in reversed(bands)], scale)
    line = points([(b[0], b[2]) for b in bands], scale)
    ticks = "".join(f'<text x="52" y="{scale[1](low + span * i / 4) + 4:.0f}" text-anchor="end">{low + span * i / 4:.4g}</text>'
                    for i in range(5))
    ticks += "".join(f'<text x="{scale[0](bands[-1][0] * i / 4):.0f}" y="222" text-anchor="middle">{x_text(bands[-1][0] * i / 4)}</text>'
                     for i in range(5))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 250" font-family="sans-serif" font-size="12">'
            f'<rect width="600" height="250" fill="white"/><text x="60" y="18" font-size="14">{title}, '
            f'median and quartiles of {len(curves)} seeds</text>{ticks}<text x="320" y="243" text-anchor="middle">{x_label}</text>'
            f'<polygon points="{band}" fill="#9ec5e8"/><polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/></svg>\n')
