"""Where the valleys of a SALT fit lie: a scan over t0 and redshift with the rest solved at once.

At each redshift the flux is linear in u = (x0, x0 x1, x0 (c - c0)), with the slope by c taken at
c0. The nine sums of the normal equations are built for all t0 together: along a grid in rest-frame
days, the model at one point is a filtered stretch of the band's light curve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled
from aas2rto.models.compiled.problem import (
    FADES,
    STOPS,
    Problem,
    Rules,
    distance_modulus,
)
from aas2rto.models.compiled.salt import (
    BY_C,
    BY_X1,
    DECAY,
    FLUX,
    PER_MAG,
    curve_fixed_z,
    phase_taps,
)
from aas2rto.models.compiled.salt_limits import (
    COLOUR,
    D0,
    D1,
    D2,
    N_SUMS,
    S00,
    S01,
    S02,
    S11,
    S12,
    S22,
    limit_taps,
    limit_terms,
    span,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLOUR_RIDGE = 1e-4
"""Weight of c = c0 in a scan without priors, as a share of that of the amplitude: of no account as
soon as there are two bands, and with one band, where colour means nothing, no wild start."""
TAIL_DAYS = 100
"""How far the light curve is continued where the data reach beyond its last phase [d]."""
ONE_SIDED, BESIDE = 8.0, 2
"""Light curves that end before this phase [d] and have a known redshift get two starts more, this
many days beside the best one: there t0 and x1 trade places, and two valleys merge on the grid."""
MAX_CELLS = 32
WORTHWHILE = 0.5
"""A cell is solved if x1 = 0 and c = c0 alone explain this share of what they do at the best t0."""
VALUE, AT_T0, AT_Y, AT_X1, AT_C, AT_Z, LN_DET = 0, 1, 2, 3, 4, 5, 6
N_CELL = 7
"""A cell: objective, parameters, and ln det of the second derivatives by ln x0, x1 and c."""
LOWEST, SUM, SUM_T, SUM_TT = 0, 1, 2, 3
FREE_OF_COST, LITTLE = 0.03, 0.3
"""Cells where all limits together cost less are left as they are; a step that gains less is the
last."""
LIMIT_STEPS = 2
NO_ACCOUNT = 14.0
"""Cells whose objective is worse than the best by more than this are not solved with limits."""
N_MOMENTS = 4
"""Moments of t0 over all cells, weighted with their posterior; `LOWEST` is the best objective."""


@compiled
def band_shapes(
    values: Floats,
    k: int,
    law: Floats,
    dust: Floats,
    days: int,
    mix: Floats,
    curve: Floats,
    out: Floats,
) -> None:
    """Fill M0, the slope of M0 by c, and M1 of one band, sorted by the remainder of the day.

    Parameters
    ----------
    values : ndarray, shape (redshifts, 2, nodes, rows)
    k : int
        Redshift node.
    law, dust : ndarray, shape (nodes,)
        Colour law there, and Milky Way extinction [mag].
    days : int
        Phases of the surfaces.
    mix : ndarray, shape (8, nodes)
        Scratch.
    curve : ndarray, shape (4, n)
        Scratch; its length beyond `days` is filled with a slow decline.
    out : ndarray, shape (3, step, n / step)
        ``out[:, s, i]`` is day ``step i + s``.
    """
    curve_fixed_z(values, k, law, dust, 0.0, COLOUR, 0, days, mix, curve)
    step = out.shape[1]
    for m, row in enumerate((FLUX, BY_C, BY_X1)):
        for r in range(days, curve.shape[1]):
            curve[row, r] = curve[row, days - 1] * np.exp(-DECAY * (r - days + 1))
        for s in range(step):
            for i in range(curve.shape[1] // step):
                out[m, s, i] = curve[row, i * step + s]


@compiled
def add_point(
    shapes: Floats,
    row: int,
    weight: Floats,
    w: float,
    f: float,
    offset: int,
    n: int,
    model: Floats,
    sums: Floats,
) -> None:
    """Add one point to the sums of the `n` steps from `offset` on.

    The four taps of the point start at day `row` and move by the scan's step. Plain loops with one
    output each are what the compiler turns into vector instructions.

    Parameters
    ----------
    shapes : ndarray, shape (3, step, days / step)
        From `band_shapes`.
    row : int
        First day, from 0 to step - 1.
    weight : ndarray, shape (4,)
        Of the four days.
    w, f : float
        Inverse variance and flux.
    model : ndarray, shape (3, n)
        Scratch: the model at this point for all steps.
    sums : ndarray, shape (N_SUMS, steps)
    """
    step = shapes.shape[1]
    w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
    i0, i1, i2, i3 = row // step, (row + 1) // step, (row + 2) // step, (row + 3) // step
    for m in range(3):
        c0 = shapes[m, row % step, i0 : i0 + n]
        c1 = shapes[m, (row + 1) % step, i1 : i1 + n]
        c2 = shapes[m, (row + 2) % step, i2 : i2 + n]
        c3 = shapes[m, (row + 3) % step, i3 : i3 + n]
        out = model[m]
        for i in range(n):
            out[i] = (w0 * c0[i] + w1 * c1[i]) + (w2 * c2[i] + w3 * c3[i])
    k = 0
    for m in range(3):
        a = model[m]
        for q in range(m + 1):
            b, out = model[q], sums[k, offset : offset + n]
            for i in range(n):
                out[i] += w * a[i] * b[i]
            k += 1
        out = sums[D0 + m, offset : offset + n]
        for i in range(n):
            out[i] += w * f * a[i]


@compiled
def cell_value(u: Floats, sums: Floats, k: int, base: float, rules: Rules, has_prior: int) -> float:
    """Return chi2 (less that without a source) plus prior of amplitude, x1 and c = `u`.

    Without priors the amplitude is first set to the best one for this x1 and c.
    """
    x1, dc = u[1], u[2] - COLOUR
    s = sums[S00, k] + x1 * (2.0 * sums[S01, k] + x1 * sums[S11, k])
    s += dc * (2.0 * sums[S02, k] + 2.0 * x1 * sums[S12, k] + dc * sums[S22, k])
    d = sums[D0, k] + x1 * sums[D1, k] + dc * sums[D2, k]
    if not (s > 0.0 and d > 0.0):
        return np.inf
    if has_prior == 0:
        u[0] = d / s
        gain: float = -d * u[0]
        return gain
    mag = base - np.log(u[0]) / PER_MAG + rules.alpha * x1 - rules.beta * u[2]
    value: float = u[0] * (u[0] * s - 2.0 * d) + (mag * rules.mag_weight) ** 2
    value += ((x1 - rules.x1_mean) * rules.x1_weight) ** 2
    value += ((u[2] - rules.c_mean) * rules.c_weight) ** 2
    return value


@compiled
def cell_step(u: Floats, sums: Floats, k: int, base: float, rules: Rules, has_prior: int) -> float:
    """Take one Gauss-Newton step of amplitude, x1 and c in `u`; return ln det of the equations.

    They are solved for (amplitude, amplitude x1, amplitude (c - c0)) in units of the amplitude at
    the start; priors are linear in these to first order.
    """
    a = u[0]
    h00, h01, h11 = a * a * sums[S00, k], a * a * sums[S01, k], a * a * sums[S11, k]
    h02, h12, h22 = a * a * sums[S02, k], a * a * sums[S12, k], a * a * sums[S22, k]
    g0, g1, g2 = a * sums[D0, k], a * sums[D1, k], a * sums[D2, k]
    if has_prior == 1:
        m = rules.mag_weight
        p0, p1, p2 = -m / PER_MAG, m * rules.alpha, -m * rules.beta
        rest = -m * (base - (np.log(a) - 1.0) / PER_MAG - rules.beta * COLOUR)
        h00, h01, h02 = h00 + p0 * p0, h01 + p0 * p1, h02 + p0 * p2
        h11 += p1 * p1 + rules.x1_weight**2
        h12 += p1 * p2
        h22 += p2 * p2 + rules.c_weight**2
        g0 += p0 * rest
        g1 += p1 * rest + rules.x1_weight**2 * rules.x1_mean
        g2 += p2 * rest + rules.c_weight**2 * (rules.c_mean - COLOUR)
    h11 += 1e-9 * h00
    h22 += (1e-9 if has_prior == 1 else COLOUR_RIDGE) * h00
    m00, m01, m02 = h11 * h22 - h12 * h12, h02 * h12 - h01 * h22, h01 * h12 - h02 * h11
    m11, m12, m22 = h00 * h22 - h02 * h02, h01 * h02 - h00 * h12, h00 * h11 - h01 * h01
    det = h00 * m00 + h01 * m01 + h02 * m02
    u0, u1, u2 = g0 / h00, 0.0, 0.0
    if det > 1e-12 * h00 * h11 * h22:
        u0 = (m00 * g0 + m01 * g1 + m02 * g2) / det
        u1 = (m01 * g0 + m11 * g1 + m12 * g2) / det
        u2 = (m02 * g0 + m12 * g1 + m22 * g2) / det
    u0 = min(max(u0, 0.3), 3.0)
    u[0] = a * u0
    u[1] = min(max(u1 / u0, -rules.x1_cut), rules.x1_cut)
    u[2] = min(max(COLOUR + u2 / u0, rules.c_low), rules.c_high)
    ln_det: float = np.log(max(det, 1e-300))
    return ln_det


@compiled
def solve_cell(
    sums: Floats, k: int, base: float, rules: Rules, has_prior: int, u: Floats, cell: Floats
) -> None:
    """Solve one cell for ln x0, x1 and c; its value stays 0 if no source helps there.

    One step is exact without priors, up to the bounds; with them two are enough. `u` is scratch.
    """
    u[0], u[1], u[2] = sums[D0, k] / sums[S00, k], 0.0, COLOUR
    cell[VALUE] = np.inf
    for _ in range(1 + has_prior):
        ln_det = cell_step(u, sums, k, base, rules, has_prior)
        value = cell_value(u, sums, k, base, rules, has_prior)
        if value < cell[VALUE]:
            cell[VALUE], cell[LN_DET] = value, ln_det
            cell[AT_Y], cell[AT_X1], cell[AT_C] = np.log(u[0]), u[1], u[2]
    if not cell[VALUE] < 0.0:
        cell[VALUE] = 0.0


@compiled
def solve_cells(problem: Problem, sums: Floats, z: float, cells: Floats) -> None:
    """Solve all cells of one redshift that are worth it; the value of the others is 0."""
    rules = problem.rules
    steps = sums.shape[1]
    plain, most = np.zeros(steps), 0.0
    for k in range(steps):
        d = max(sums[D0, k], 0.0)
        plain[k] = d * d / max(sums[S00, k], 1e-300)
        most = max(most, plain[k])
    prior = rules.x1_weight > 0.0 or rules.mag_weight > 0.0 or rules.c_weight > 0.0
    mu, _ = distance_modulus(rules, problem.tables.z_step, z)
    u = np.empty(3)
    fixed = 2.0 * rules.volume * np.log(max(z, 1e-5))
    for k in range(steps):
        cells[k, VALUE] = 0.0
        if plain[k] > WORTHWHILE * most:
            solve_cell(sums, k, 10.5 - mu - rules.mag, rules, int(prior), u, cells[k])
        if cells[k, VALUE] < 0.0:
            cells[k, VALUE] -= fixed


@compiled
def add_moment(cell: Floats, t0: float, width: float, moments: Floats) -> None:
    """Add one cell to the moments of t0, with ln x0, x1 and c integrated out (Laplace)."""
    if cell[VALUE] < moments[LOWEST]:
        fade = 0.0
        if moments[SUM] > 0.0:
            fade = np.exp(0.5 * (cell[VALUE] - moments[LOWEST]))
        moments[SUM:] *= fade
        moments[LOWEST] = cell[VALUE]
    weight = width * np.exp(-0.5 * (cell[VALUE] - moments[LOWEST] + cell[LN_DET]))
    moments[SUM] += weight
    moments[SUM_T] += weight * t0
    moments[SUM_TT] += weight * t0 * t0


@compiled
def is_valley(cells: Floats, k: int) -> bool:
    """Tell whether the profile has a local minimum at `k`, or a shoulder, which may hide one.

    A shoulder is where a descent slows down and then speeds up again.
    """
    here = cells[k, VALUE]
    left, right = cells[k - 1, VALUE] - here, cells[k + 1, VALUE] - here
    if left > 0.0 and right >= 0.0:
        return True
    shoulder = False
    if right < 0.0 and k < cells.shape[0] - 2:
        shoulder = left > -right and cells[k + 1, VALUE] - cells[k + 2, VALUE] > -right
    elif left < 0.0 and k > 1:
        shoulder = right > -left and cells[k - 1, VALUE] - cells[k - 2, VALUE] > -left
    return shoulder


@compiled
def keep_start(starts: Floats, count: int, cell: Floats) -> int:
    """Insert a cell into the list of starts, best first; return the new length."""
    if count == MAX_CELLS and cell[VALUE] >= starts[MAX_CELLS - 1, VALUE]:
        return count
    k = min(count, MAX_CELLS - 1)
    while k > 0 and starts[k - 1, VALUE] > cell[VALUE]:
        starts[k] = starts[k - 1]
        k -= 1
    starts[k] = cell
    return min(count + 1, MAX_CELLS)


@compiled
def build_sums(
    problem: Problem, values: Floats, law: Floats, node: int, z: float
) -> tuple[Floats, Floats, float, int]:
    """Return sums of all cells at redshift `z`, shapes, first t0 [d] and the last step's number.

    Step ``k`` of the scan is at t0 = first + (top - k) step (1 + z). Limits are not in the sums.
    """
    tables, points = problem.tables, problem.points
    tail = TAIL_DAYS if problem.late == FADES else 0
    present, step = problem.work.present, problem.rules.step
    length = (tables.days + tail + step - 1) // step * step
    shapes, curve = np.zeros((present.size, 3, step, length // step)), np.zeros((4, length))
    for b in range(present.size):
        if present[b]:
            dust, mix = problem.dust[b], problem.work.mix
            band_shapes(values[b], node, law[b, node], dust, tables.days, mix, curve, shapes[b])
    (first, end), stretch = span(points), 1.0 / (1.0 + z)
    top = int((end - first) * stretch - tables.first_phase) // step + 1
    sums = np.zeros((N_SUMS, top + length // step + 4))
    weight, slope = np.empty(4), np.empty(4)
    n = (tables.days + tail - 4) // step
    model = np.empty((3, n))
    for i in range(points.t.size):
        if points.limit[i]:
            continue
        f, w = points.f[i], points.w[i]
        day = (points.t[i] - first) * stretch - tables.first_phase
        whole = int(day)
        phase_taps(2.0 + day - whole, tables.days, STOPS, weight, slope)
        # At step k the taps begin at day whole - 1 + step (k - top); the first one not below 0:
        begin, row = top - (whole - 1) // step, (whole - 1) % step
        add_point(shapes[points.band[i]], row, weight, w, f, begin, n, model, sums)
    return sums, shapes, first, top


@compiled
def solve_with_limits(
    problem: Problem,
    shapes: Floats,
    taps: Floats,
    days: Ints,
    shift: int,
    own: Floats,
    z: float,
    cell: Floats,
) -> None:
    """Solve one cell once more, with the limits; `own`, shape (N_SUMS, 1), is without them."""
    rules, points = problem.rules, problem.points
    prior = int(rules.x1_weight > 0.0 or rules.mag_weight > 0.0 or rules.c_weight > 0.0)
    mu, _ = distance_modulus(rules, problem.tables.z_step, z)
    base, fixed = 10.5 - mu - rules.mag, 2.0 * rules.volume * np.log(max(z, 1e-5))
    extra = np.empty((N_SUMS, 1))
    u = np.array([np.exp(cell[AT_Y]), cell[AT_X1], cell[AT_C]])
    cost = limit_terms(points, shapes, taps, days, shift, u, extra)
    cell[VALUE] += cost
    for _ in range(LIMIT_STEPS):
        if cost < FREE_OF_COST:
            break
        ln_det = cell_step(u, own + extra, 0, base, rules, prior)
        value = cell_value(u, own, 0, base, rules, prior) - fixed
        cost = limit_terms(points, shapes, taps, days, shift, u, extra)
        gain = cell[VALUE] - value - cost
        if gain > 0.0:
            cell[VALUE], cell[LN_DET] = value + cost, ln_det
            cell[AT_Y], cell[AT_X1], cell[AT_C] = np.log(u[0]), u[1], u[2]
        if gain < LITTLE:
            break
    cell[VALUE] = min(cell[VALUE], 0.0)


@compiled
def add_limits(
    problem: Problem,
    shapes: Floats,
    sums: Floats,
    first: float,
    top: int,
    z: float,
    lowest: float,
    cells: Floats,
) -> None:
    """Add the limits to all cells that are of account; they can only get worse.

    `lowest` is the best objective at the redshifts before.
    """
    best, step = int(np.argmin(cells[:, VALUE])), problem.rules.step
    if not cells[best, VALUE] < 0.0:
        return
    size = problem.points.t.size
    taps, days = np.empty((size, 4)), np.empty(size, dtype=np.int64)
    limit_taps(problem, first, 1.0 / (1.0 + z), taps, days)
    least = lowest
    for n in range(-1, cells.shape[0]):
        k = best if n < 0 else n
        if n != best and cells[k, VALUE] < min(least + NO_ACCOUNT, 0.0):
            own, shift = sums[:, k : k + 1], (top - k) * step
            solve_with_limits(problem, shapes, taps, days, shift, own, z, cells[k])
            least = min(least, cells[k, VALUE])


@compiled
def scan(
    problem: Problem,
    values: Floats,
    law: Floats,
    node: int,
    z: float,
    moments: Floats,
    starts: Floats,
    count: int,
) -> int:
    """Scan t0 at one redshift and add its valleys to `starts`; return their number.

    Parameters
    ----------
    values, law, node
        Table values (bands, redshifts, 2, nodes, rows) and colour law (bands, redshifts, nodes)
        in which `node` is the redshift `z`.
    moments : ndarray, shape (N_MOMENTS,)
        Added to, with t0 counted from the first point that is no limit.
    starts : ndarray, shape (MAX_CELLS, N_CELL)
        Objective (less chi2 without a source), t0, ln x0, x1, c, z; best first.
    """
    sums, shapes, first, top = build_sums(problem, values, law, node, z)
    cells = np.empty((sums.shape[1], N_CELL))
    solve_cells(problem, sums, z, cells)
    if np.any(problem.points.limit):
        add_limits(problem, shapes, sums, first, top, z, moments[LOWEST], cells)
    best, step = 0, problem.rules.step
    for k in range(cells.shape[0]):
        if cells[k, VALUE] < 0.0:
            cells[k, AT_T0] = first + (top - k) * step * (1.0 + z)
            cells[k, AT_Z] = z
            add_moment(cells[k], cells[k, AT_T0] - first, 1.0 + z, moments)
            if cells[k, VALUE] < cells[best, VALUE]:
                best = k
    last_phase = (span(problem.points)[1] - first) / (1.0 + z) - (top - best) * step
    extra = values.shape[1] == 1 and last_phase < ONE_SIDED
    for k in range(1, cells.shape[0] - 1):
        beside = extra and abs(k - best) * step == BESIDE
        if cells[k, VALUE] < 0.0 and (beside or is_valley(cells, k)):
            count = keep_start(starts, count, cells[k])
    return count
